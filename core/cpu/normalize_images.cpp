// A byte has 256 values: each channel's results come from a table.
#include "core/ops/normalize_images.h"

namespace vicinity::kernels {

void normalize_images(Cpu& cpu, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, Tensor& y) {
  const auto channels = static_cast<int64_t>(mean.size());
  for_float_dtype(y.dtype(), [&]<class T>() {
    std::vector<T> table(static_cast<size_t>(channels) * 256);
    for (size_t c = 0; c < mean.size(); ++c) {
      for (size_t v = 0; v < 256; ++v) {
        const auto scaled = static_cast<float>(static_cast<double>(v) * 0.00392156862745098);
        table[c * 256 + v] = static_cast<T>(static_cast<Compute<T>>((scaled - mean[c]) / std[c]));
      }
    }
    const uint8_t* in = x.data<uint8_t>();
    T* out = y.data<T>();
    cpu.parallel_chunks(x.size() / channels, 1 << 13, [&](int64_t begin, int64_t end) {
      for (int64_t pixel = begin; pixel < end; ++pixel) {
        for (int64_t c = 0; c < channels; ++c) {
          out[pixel * channels + c] =
              table[static_cast<size_t>(c) * 256 + in[pixel * channels + c]];
        }
      }
    });
  });
}

}  // namespace vicinity::kernels
