// dk and dv of windows of 3, 5 and 7 (neighborhood_sliding_keys.cuh).
#include "core/cuda/neighborhood_sliding_keys.cuh"

namespace vicinity::kernels {

void sliding_window_backward_keys(Cuda& cuda, const WindowSizes& s, const Tensor& dout,
                                  const Tensor& qkv, const Tensor& rpb,
                                  const QueryStatistics* statistics, Tensor& dqkv) {
  sliding::for_sliding_kernel(s.kernel, [&]<int K>() {
    sliding::launch_backward_keys<K>(cuda, s, {}, dout, qkv, rpb, statistics, dqkv);
  });
}

size_t sliding_window_keys_shared(const WindowSizes& s) {
  return sliding::keys_shared(s, sliding::NarrowSides());
}

}  // namespace vicinity::kernels
