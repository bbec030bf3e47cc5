// The end of a residual branch and the start of the next: layer scale, drop path, sum and LayerNorm
// in one pass.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct ResidualOut {
  Tensor sum;     // the residual stream
  Tensor normed;  // LayerNorm of it, absent without norm weights
};

/// sum = x + factors[b] * gamma[c] * branch, rounded to its dtype; normed = LayerNorm(sum) of the
/// rounded sum. x, branch: [B, ..., C]; gamma: [C] (layer scale: Touvron et al. 2021,
/// arXiv:2103.17239, eq. 4) or absent; factors: [B], 0 or 1 / keep (stochastic depth: Huang et al.
/// 2016, arXiv:1603.09382) or absent; norm_w, norm_b: [C] or both absent. Parameters and factors
/// are accumulator_of(x). Traffic: 4 * x.bytes(), 3 without norm.
ResidualOut residual(const Tensor& x, const Tensor& branch, const Tensor& gamma,
                     const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps);

struct ResidualGrads {
  Tensor dx, dbranch, dgamma, dnorm_w, dnorm_b;
};
/// dsum, dnormed: gradients of the outputs, either may be absent. dx = dsum + dLayerNorm(dnormed);
/// dbranch = factors gamma dx (dx itself where both are absent); dgamma = sum factors branch dx.
/// `into`: where to write dgamma, dnorm_w and dnorm_b; each may be absent.
ResidualGrads residual_backward(const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                                const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                                const Tensor& norm_w, double eps, const ResidualGrads& into = {});

namespace kernels {
void residual_forward(Cpu&, const Tensor& x, const Tensor& branch, const Tensor& gamma,
                      const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps,
                      ResidualOut& out);
void residual_forward(Cuda&, const Tensor& x, const Tensor& branch, const Tensor& gamma,
                      const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps,
                      ResidualOut& out);
void residual_backward(Cpu&, const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                       const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                       const Tensor& norm_w, double eps, ResidualGrads& grads);
void residual_backward(Cuda&, const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                       const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                       const Tensor& norm_w, double eps, ResidualGrads& grads);
}  // namespace kernels

}  // namespace vicinity
