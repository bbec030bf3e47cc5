// The fused residual: layer scale, drop path, sum and LayerNorm in one pass.
//   bytes     forward 4 times x (3 without norm); backward reads dsum, dnormed, sum and, with layer
//             scale, branch, and writes dx and, with layer scale or drop path, dbranch: 4 to 6
//             times x. Partial sums and other rows as in core/cuda/layer_norm.cu
//   numerics  core/cuda/row_norm.cuh. The sum rounds once, after a fused multiply-add; the norm is
//             taken of the rounded sum; dbranch and gamma's gradient are taken of dx before
//             rounding
#include "core/ops/residual.h"

#include "core/cuda/row_norm_backward.cuh"
#include "core/cuda/row_norm_forward.cuh"

namespace vicinity::kernels {

void residual_forward(Cuda& cuda, const Tensor& x, const Tensor& branch, const Tensor& gamma,
                      const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps,
                      ResidualOut& out) {
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    row_norm_forward<true>(cuda, "residual_forward",
                           RowNormForward<T>{.x = x.data<T>(),
                                             .branch = branch.data<T>(),
                                             .gamma = data_or_null<float>(gamma),
                                             .factors = data_or_null<float>(factors),
                                             .w = data_or_null<float>(norm_w),
                                             .b = data_or_null<float>(norm_b),
                                             .sum = out.sum.data<T>(),
                                             .normed = data_or_null<T>(out.normed),
                                             .rows = x.rows(),
                                             .columns = x.dim(-1),
                                             .per_sample = x.rows() / x.dim(0),
                                             .eps = static_cast<float>(eps)});
  });
}

void residual_backward(Cuda& cuda, const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                       const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                       const Tensor& norm_w, double eps, ResidualGrads& grads) {
  const bool scaled = gamma.defined() || factors.defined();
  for_cuda_dtype(sum.dtype(), [&]<class T>() {
    row_norm_backward<true>(
        cuda, "residual_backward",
        RowNormBackward<T>{.dsum = data_or_null<T>(dsum),
                           .dnormed = data_or_null<T>(dnormed),
                           .x = sum.data<T>(),
                           .branch = data_or_null<T>(branch),
                           .gamma = data_or_null<float>(gamma),
                           .factors = data_or_null<float>(factors),
                           .w = data_or_null<float>(norm_w),
                           .dx = grads.dx.data<T>(),
                           .dbranch = scaled ? grads.dbranch.data<T>() : nullptr,
                           .rows = sum.rows(),
                           .columns = sum.dim(-1),
                           .per_sample = sum.rows() / sum.dim(0),
                           .eps = static_cast<float>(eps)},
        {data_or_null<float>(grads.dnorm_w), data_or_null<float>(grads.dnorm_b),
         data_or_null<float>(grads.dgamma)});
  });
}

}  // namespace vicinity::kernels
