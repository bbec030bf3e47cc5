// Affine map of the last axis: the matrix products of every layer.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = x w^T + bias.  x: [..., K], w: [N, K] of the same dtype, bias: [N] of accumulator_of(x) or
/// absent -> [..., N]. fp32 accumulation (f64 for f64). 2 T K N flops for T rows. ShapeError /
/// DTypeError where they do not fit.
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);
/// dx = dy w.  dy: [..., N], w: [N, K] -> [..., K].
Tensor linear_backward_input(const Tensor& dy, const Tensor& w);
/// dw = dy^T x, summed over all rows.  dy: [..., N], x: [..., K] -> [N, K] of accumulator_of(x).
/// The rows are cut into a number of chunks that is a function of the shape only, and the partial
/// products are added in order: the bits do not depend on the thread count, which those of a plain
/// oneDNN product do. `into`: where to write it, or absent (empty_or).
Tensor linear_backward_weight(const Tensor& dy, const Tensor& x, const Tensor& into = {});

namespace kernels {
void linear_forward(Cpu&, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y);
void linear_forward(Cuda&, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y);
void linear_backward_input(Cpu&, const Tensor& dy, const Tensor& w, Tensor& dx);
void linear_backward_input(Cuda&, const Tensor& dy, const Tensor& w, Tensor& dx);
void linear_backward_weight(Cpu&, const Tensor& dy, const Tensor& x, Tensor& dw);
void linear_backward_weight(Cuda&, const Tensor& dy, const Tensor& x, Tensor& dw);
}  // namespace kernels

}  // namespace vicinity
