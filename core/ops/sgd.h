// Stochastic gradient descent with momentum over a flat range of parameters.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct SgdStep {
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  double grad_scale = 1;
  bool first = false;  // the first step sets the buffer to the gradient
};

/// g = grad * grad_scale + wd p; b = first ? g : momentum b + g; p -= lr (nesterov ? g + momentum b
/// : b). All [n], f32 or f64, in place. As torch.optim.SGD computes it. Traffic: 5 * param.bytes().
void sgd_(Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& step);

namespace kernels {
void sgd(Cpu&, Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& step);
}

}  // namespace vicinity
