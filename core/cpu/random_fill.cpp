// Random fills on the CPU. 1.5 to 2 ns an element.
#include "core/ops/random_fill.h"

#include "core/cpu/random_lanes.h"

namespace vicinity::kernels {
namespace {

constexpr int64_t kChunk = 64 * kDraws;  // elements per task

// Fills x with scale * draw + shift; `make` turns kLanes blocks into kDraws floats, word by word.
template <class Make>
void fill(Cpu& cpu, const RandomStream& stream, float scale, float shift, Tensor& x, Make&& make) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    T* to = x.data<T>();
    cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
      Draws words;
      LaneValues values;
      for (int64_t at = begin; at < end; at += kDraws) {
        draw_lanes(stream, static_cast<uint64_t>(at / 4), words);
        make(words, values);
        const int64_t count = std::min(kDraws, end - at);
        for (int64_t i = 0; i < count; ++i) {
          to[at + i] =
              static_cast<T>(static_cast<Compute<T>>(scale * values[i % 4][i / 4] + shift));
        }
      }
    });
  });
}

}  // namespace

void normal_forward(Cpu& cpu, double deviation, const RandomStream& stream, Tensor& x) {
  fill(cpu, stream, static_cast<float>(deviation), 0, x, normal_lanes);
}

void uniform_forward(Cpu& cpu, double low, double high, const RandomStream& stream, Tensor& x) {
  fill(cpu, stream, static_cast<float>(high - low), static_cast<float>(low), x,
       [](const Draws& words, LaneValues& values) {
         for (int w = 0; w < 4; ++w) {
           for (int64_t k = 0; k < kLanes; ++k)
             values[w][k] = static_cast<float>(words.word[w][k] >> 8) * 0x1p-24f;
         }
       });
}

}  // namespace vicinity::kernels
