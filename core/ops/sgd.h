// Stochastic gradient descent with momentum over flat parameters.
#pragma once

#include "core/ops/update_ranges.h"
#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct SgdStep {
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool first = false;  // the first step sets the buffer to the gradient

  /// As AdamwStep::factors: f64 [5].
  Tensor factors() const;
};

/// The same by name; nesterov and first are 0 or 1.
struct SgdFactors {
  double lr, momentum, weight_decay, nesterov, first;
};

/// g = grad * grad_scale + wd p; b = first ? g : momentum b + g; p -= lr (nesterov ? g + momentum b
/// : b), with lr times the range's lr_scale and wd = 0 where it does not decay. All [n], f32 or
/// f64, in place; factors, grad_scale and copy as in core/ops/adamw.h. As torch.optim.SGD computes
/// it. Traffic: 5 * param.bytes() + copy.bytes().
void sgd_(Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
          const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);

namespace kernels {
void sgd(Cpu&, Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
         const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);
void sgd(Cuda&, Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
         const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale);
}  // namespace kernels

}  // namespace vicinity
