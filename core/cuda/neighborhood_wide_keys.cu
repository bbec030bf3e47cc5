// dk and dv of windows of 9, 11 and 13 (neighborhood_sliding_keys.cuh).
#include "core/cuda/neighborhood_sliding_keys.cuh"
#include "core/cuda/neighborhood_wide.cuh"

namespace vicinity::kernels {
namespace {

using namespace sliding;

constexpr size_t kTwoBlocks = 113 << 10;  // on a multiprocessor of compute capability 9.0

WideSides sides_of(const Cuda& cuda, const WindowSizes& s) {
  return wide_sides(s, std::min(kTwoBlocks, cuda.info().shared_per_block),
                    [&](const WideSides& sides) { return keys_shared(s, sides); });
}

}  // namespace

void wide_window_backward_keys(Cuda& cuda, const WindowSizes& s, const Tensor& dout,
                               const Tensor& qkv, const Tensor& rpb,
                               const QueryStatistics* statistics, Tensor& dqkv) {
  const WideSides sides = sides_of(cuda, s);
  for_wide_kernel(s.kernel, [&]<int K>() {
    launch_backward_keys<K>(cuda, s, sides, dout, qkv, rpb, statistics, dqkv);
  });
}

size_t wide_window_keys_shared(const Cuda& cuda, const WindowSizes& s) {
  return keys_shared(s, sides_of(cuda, s));
}

}  // namespace vicinity::kernels
