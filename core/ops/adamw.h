// AdamW over flat parameters.
#pragma once

#include "core/ops/update_ranges.h"
#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct AdamwStep {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  int64_t step = 1;  // counts from 1: bias correction

  /// What adamw_ reads of them, f64 [7] on the CPU: a tensor, so that a recorded step can be given
  /// other numbers (core/ops/transfer.h, step_values).
  Tensor factors() const;
};

/// The same by name: both sides of the bias corrections are divided out once.
struct AdamwFactors {
  double lr, weight_decay, rate, beta1, beta2, root, eps;
};

/// g = grad * grad_scale; p -= lr wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps), with lr times the range's lr_scale
/// and wd = 0 where it does not decay. All [n], f32 or f64, in place. factors: of AdamwStep, on the
/// same device. grad_scale: f64 [1] there, or absent for 1; where it is not a number
/// (core/ops/grad_norm.h) nothing changes.
/// copy: bf16 [n], receives the rounded parameters, or absent. As torch.optim.AdamW computes it.
/// Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. Traffic: 7 * param.bytes() +
/// copy.bytes().
void adamw_(Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
            const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);

namespace kernels {
void adamw(Cpu&, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
           const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);
void adamw(Cuda&, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
           const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);
}  // namespace kernels

}  // namespace vicinity
