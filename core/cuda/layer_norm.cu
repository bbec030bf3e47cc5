// Layer normalisation.
//   bytes     forward 2, backward 3 times x; partial sums of at most 264 blocks twice. Rows that do
//             not stay in registers (core/cuda/row_norm.cuh): backward 5 times x
//   numerics  core/cuda/row_norm.cuh
#include "core/ops/layer_norm.h"

#include "core/cuda/row_norm_backward.cuh"
#include "core/cuda/row_norm_forward.cuh"

namespace vicinity::kernels {

void layer_norm_forward(Cuda& cuda, const Tensor& x, const Tensor& w, const Tensor& b, double eps,
                        Tensor& y) {
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    row_norm_forward<false>(cuda, "layer_norm_forward",
                            RowNormForward<T>{.x = x.data<T>(),
                                              .w = w.data<float>(),
                                              .b = b.data<float>(),
                                              .normed = y.data<T>(),
                                              .rows = x.rows(),
                                              .columns = x.dim(-1),
                                              .eps = static_cast<float>(eps)});
  });
}

void layer_norm_backward(Cuda& cuda, const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                         LayerNormGrads& grads) {
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    row_norm_backward<false>(cuda, "layer_norm_backward",
                             RowNormBackward<T>{.dnormed = dy.data<T>(),
                                                .x = x.data<T>(),
                                                .w = w.data<float>(),
                                                .dx = grads.dx.data<T>(),
                                                .rows = x.rows(),
                                                .columns = x.dim(-1),
                                                .eps = static_cast<float>(eps)},
                             {grads.dw.data<float>(), grads.db.data<float>(), nullptr});
  });
}

}  // namespace vicinity::kernels
