// 3x3 convolution with stride 2 and padding 1: tokenizer and downsampler of DiNAT.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y[b, i, j, o] = bias[o] + sum over u, v, c of x[b, 2i + u - 1, 2j + v - 1, c] w[o, u, v, c],
/// zero outside. x: [B, H, W, Ci], w: [Co, 3, 3, Ci] of the same dtype, bias: [Co] of
/// accumulator_of(x) or absent
/// -> [B, ceil(H/2), ceil(W/2), Co]. Patches are gathered (2.25 x.bytes() at most) and multiplied.
Tensor conv3x3(const Tensor& x, const Tensor& w, const Tensor& bias);
/// dy: [B, Ho, Wo, Co] -> dx: [B, H, W, Ci]; each dx element gathers from the one to four patches
/// that saw it, in order.
Tensor conv3x3_backward_input(const Tensor& dy, const Tensor& w, int64_t height, int64_t width);
/// -> [Co, 3, 3, Ci] of accumulator_of(x): patches^T dy in fixed chunks (core/ops/linear.h).
Tensor conv3x3_backward_weight(const Tensor& dy, const Tensor& x, const Tensor& into = {});

/// The patches themselves: [B * Ho * Wo, 9 * Ci], order (u, v, c).
Tensor conv3x3_patches(const Tensor& x);

namespace kernels {
void conv3x3_patches(Cpu&, const Tensor& x, Tensor& patches);
void conv3x3_patches(Cuda&, const Tensor& x, Tensor& patches);
void conv3x3_scatter(Cpu&, const Tensor& dpatches, Tensor& dx);
void conv3x3_scatter(Cuda&, const Tensor& dpatches, Tensor& dx);
}  // namespace kernels

}  // namespace vicinity
