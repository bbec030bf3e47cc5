// Layer normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450).
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = (x - mean) / sqrt(var + eps) * w + b, mean and biased variance over the last axis in fp32 or
/// wider. x: [..., C], w, b: [C] of accumulator_of(x) -> same shape and dtype as x. Traffic: 2 *
/// x.bytes().
Tensor layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps);

struct LayerNormGrads {
  Tensor dx, dw, db;
};
/// dx = rstd (w dy - mean(w dy) - xhat mean(w dy xhat)), dw = sum dy xhat, db = sum dy. Statistics
/// are computed again.
/// `into`: where to write dw and db, both or neither.
LayerNormGrads layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                                   const LayerNormGrads& into = {});

namespace kernels {
void layer_norm_forward(Cpu&, const Tensor& x, const Tensor& w, const Tensor& b, double eps,
                        Tensor& y);
void layer_norm_forward(Cuda&, const Tensor& x, const Tensor& w, const Tensor& b, double eps,
                        Tensor& y);
void layer_norm_backward(Cpu&, const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                         LayerNormGrads& grads);
void layer_norm_backward(Cuda&, const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                         LayerNormGrads& grads);
}  // namespace kernels

}  // namespace vicinity
