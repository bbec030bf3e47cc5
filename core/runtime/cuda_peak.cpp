#include "core/runtime/cuda_peak.h"

#include <algorithm>
#include <chrono>

#include "core/runtime/profile.h"

namespace vicinity {
namespace {

constexpr double kEnoughSeconds = 0.02;  // longer than this, starting the work no longer matters
constexpr int kRounds = 5;

// The least seconds that work() takes on the device.
template <class Work>
double best_seconds(Cuda& cuda, Work&& work) {
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    cuda.synchronize();
    best = std::min(best, seconds_since(start));
    if (round == 0 && best > 1) break;
  }
  return best;
}

}  // namespace

CudaPeak measure_peak(Cuda& cuda) {
  CudaPeak peak;
  double seconds = 0;
  for (int64_t n = 256; n <= 8192 && seconds < kEnoughSeconds; n *= 2) {
    const Tensor a({n, n}, DType::bf16, kCuda), b({n, n}, DType::bf16, kCuda),
        c({n, n}, DType::bf16, kCuda);
    for (const Tensor* x : {&a, &b}) {
      cuda_api::fill_bytes(x->raw(), 0x3f, x->bytes(), cuda.stream());  // about 0.75 everywhere
    }
    seconds = best_seconds(cuda, [&] {
      cuda.gemm({.m = n,
                 .n = n,
                 .k = n,
                 .a = a.raw(),
                 .b = b.raw(),
                 .c = c.raw(),
                 .in = DType::bf16,
                 .out = DType::bf16});
    });
    const auto side = static_cast<double>(n);
    peak.bf16_tflops = std::max(peak.bf16_tflops, 2 * side * side * side / seconds / 1e12);
  }
  seconds = 0;
  const auto room = static_cast<int64_t>(cuda_api::memory_info().free / 4);
  for (int64_t bytes = 1 << 22; bytes <= room && seconds < kEnoughSeconds; bytes *= 4) {
    const Tensor from({bytes}, DType::u8, kCuda), to({bytes}, DType::u8, kCuda);
    seconds = best_seconds(cuda, [&] {
      cuda_api::copy(to.raw(), from.raw(), from.bytes(), cuda_api::Copy::on_device, cuda.stream());
    });
    peak.copy_gbytes = std::max(peak.copy_gbytes, 2 * static_cast<double>(bytes) / seconds / 1e9);
  }
  return peak;
}

}  // namespace vicinity
