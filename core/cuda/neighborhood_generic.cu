// Neighborhood attention of any odd kernel, dilation, head size and storage: forward.
//   bytes     each input and output once from HBM where L2 holds the rows that windows share
//   numerics  f32 throughout; results round once
#include "core/cuda/neighborhood_generic.cuh"

#include "core/cuda/neighborhood_generic_window.cuh"

namespace vicinity::kernels {
namespace {

using namespace generic;

/// Writes out, or the probabilities where that is not null.
template <class T>
DEV_KERNEL void neighborhood_generic_forward_kernel(WindowSizes s, const T* qkv, const float* rpb,
                                                    float scale, T* out, float* probabilities) {
  DEV_DYNAMIC_SHARED(float, shared);
  const int64_t index = dev::block() * kWarps + dev::warp();
  if (index >= s.tokens() * s.heads) return;
  const Place<T> at(s, qkv, index / s.heads, static_cast<int>(index % s.heads));
  const int keys = s.kernel * s.kernel;
  float *q = shared + dev::warp() * (s.head_dim + keys), *p = q + s.head_dim;
  load_row(qkv + at.offset(at.token, 0), q, s.head_dim);
  dev::sync_warp();
  window_softmax(at, rpb, scale, q, p);
  if (probabilities == nullptr) return gather_keys(at, p, 2, 1.0f, out + at.out_offset(at.token));
  const int64_t map = int64_t{s.height} * s.width;
  const int64_t plane = at.token / map * s.heads + at.head;
  float* to = probabilities + (plane * map + at.token % map) * keys;
  for (int i = dev::lane(); i < keys; i += dev::kWarp) to[i] = p[i];
}

}  // namespace

void generic_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                            const NeighborhoodWindow& window, Tensor& out) {
  const WindowSizes s = window_sizes(qkv, window);
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    dev::launch(cuda, "neighborhood_generic_forward", neighborhood_generic_forward_kernel<T>,
                warp_each(s, s.head_dim + s.kernel * s.kernel), s, qkv.data<T>(),
                data_or_null<float>(rpb), score_scale(s), out.data<T>(), nullptr);
  });
}

void generic_window_probabilities(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                                  const NeighborhoodWindow& window, Tensor& probabilities) {
  const WindowSizes s = window_sizes(qkv, window);
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    dev::launch(cuda, "neighborhood_generic_probabilities", neighborhood_generic_forward_kernel<T>,
                warp_each(s, s.head_dim + s.kernel * s.kernel), s, qkv.data<T>(),
                data_or_null<float>(rpb), score_scale(s), nullptr, probabilities.data<float>());
  });
}

}  // namespace vicinity::kernels
