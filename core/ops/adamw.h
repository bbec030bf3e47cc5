// AdamW over a flat range of parameters.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct AdamwStep {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  int64_t step = 1;       // counts from 1: bias correction
  double grad_scale = 1;  // multiplies the gradient first (clipping)
};

/// g = grad * grad_scale; p -= lr wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).  All [n], f32 or f64, in place. As
/// torch.optim.AdamW computes it. Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2. Traffic:
/// 7 * param.bytes().
void adamw_(Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, const AdamwStep& step);

namespace kernels {
void adamw(Cpu&, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, const AdamwStep& step);
}

}  // namespace vicinity
