// From bytes to what a network reads. A byte has 256 values: each block makes a table of what they
// become in each channel.
//   bytes     x + y
//   numerics  the CPU's to the bit: each step of a table's entry rounds to float, then to T
//   sizes     eight bytes a thread are 16 bytes of bf16; four rounds of them pay for the table
#include "core/cuda/runs.cuh"
#include "core/ops/normalize_images.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;  // one for each value of a byte
constexpr int kBytes = 8;
constexpr int kRounds = 4;
constexpr int64_t kBlock = int64_t{kThreads} * kBytes * kRounds;  // bytes
constexpr int kMaxChannels = 8;

struct Statistics {
  float mean[kMaxChannels];
  float std[kMaxChannels];
};

template <class T>
DEV_FN T normalized(int byte, float mean, float std) {
  const float scaled = dev::divide(static_cast<float>(byte), 255.0f);
  return dev::from_float<T>(dev::divide(dev::subtract(scaled, mean), std));
}

// n: neighbouring bytes that are read at once.
template <class T, int n>
DEV_KERNEL void normalize_images_kernel(const uint8_t* x, T* y, int64_t size, int channels,
                                        Statistics statistics) {
  DEV_SHARED(T, table, kMaxChannels * kThreads);
  DEV_UNROLL
  for (int c = 0; c < kMaxChannels; ++c) {
    if (c >= channels) continue;
    table[c * kThreads + dev::thread()] =
        normalized<T>(dev::thread(), statistics.mean[c], statistics.std[c]);
  }
  dev::sync();
  constexpr int kPart = n < kPerChunk<T> ? n : kPerChunk<T>;
  const int64_t begin = dev::block() * kBlock;
  const int first_channel = static_cast<int>(begin % channels);
  const int end = static_cast<int>(size - begin < kBlock ? size - begin : kBlock);
  for (int i = dev::thread() * n; i < end; i += kThreads * n) {
    const dev::Pack<uint8_t, n> bytes = dev::load_pack<n>(x + begin + i);
    int c = (first_channel + i) % channels;
    DEV_UNROLL
    for (int part = 0; part < n; part += kPart) {
      dev::Pack<T, kPart> out;
      DEV_UNROLL
      for (int k = 0; k < kPart; ++k) {
        out.at[k] = table[c * kThreads + bytes.at[part + k]];
        c = c + 1 < channels ? c + 1 : 0;
      }
      dev::store_pack(y + begin + i + part, out);
    }
  }
}

}  // namespace

void normalize_images(Cuda& cuda, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, Tensor& y) {
  VIC_CHECK(ShapeError, mean.size() <= kMaxChannels, "normalize_images: CUDA takes images of ",
            kMaxChannels, " channels at most, not of ", mean.size());
  Statistics statistics{};
  std::copy(mean.begin(), mean.end(), statistics.mean);
  std::copy(std.begin(), std.end(), statistics.std);
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    for_run<uint8_t, kBytes>(static_cast<uint64_t>(x.size()) | address_of(x), [&]<int n>() {
      dev::launch(cuda, "normalize_images", normalize_images_kernel<T, n>,
                  LaunchShape{dev::ceil_div(x.size(), kBlock), kThreads}, x.data<uint8_t>(),
                  y.data<T>(), x.size(), mean.size(), statistics);
    });
  });
}

}  // namespace vicinity::kernels
