// SwiGLU gate (Shazeer 2020, arXiv:2002.05202, eq. 6), as DINOv2's giant model uses it.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = silu(gate) * value, silu(g) = g / (1 + exp(-g)).  x: [..., 2F], gate first, then value -> y:
/// [..., F], same dtype. Computed in fp32 or wider. Traffic: 1.5 * x.bytes(). Throws ShapeError if
/// the last axis is odd.
Tensor swiglu(const Tensor& x);
/// dgate = dy * value * s * (1 + gate * (1 - s)), dvalue = dy * silu(gate), s = sigmoid(gate).
/// dy: [..., F], x: [..., 2F] -> dx: [..., 2F].
Tensor swiglu_backward(const Tensor& dy, const Tensor& x);

namespace kernels {
void swiglu_forward(Cpu&, const Tensor& x, Tensor& y);
void swiglu_forward(Cuda&, const Tensor& x, Tensor& y);
void swiglu_backward(Cpu&, const Tensor& dy, const Tensor& x, Tensor& dx);
void swiglu_backward(Cuda&, const Tensor& dy, const Tensor& x, Tensor& dx);
}  // namespace kernels

}  // namespace vicinity
