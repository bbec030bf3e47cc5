// The norm of a flat gradient, whether all of it is finite, and what clipping makes of it.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = sum of x^2 in fp64, partial sums of fixed chunks added in order; inf or nan if an element
/// is. x: float, any shape -> f64 [1] on the same device. Traffic: x.bytes().
Tensor sum_of_squares(const Tensor& x);

/// The same in two parts, for a gradient of which a rank holds whole chunks of kSquaresChunk
/// elements: their sums of squares, f64 [chunks], and all of them added.
constexpr int64_t kSquaresChunk = 1 << 14;
Tensor squares_of_chunks(const Tensor& x);
Tensor join_squares(const Tensor& chunks);

/// What a gradient is multiplied with: clip / (norm + 1e-6) where its norm is above `clip` > 0, as
/// torch.nn.utils.clip_grad_norm_ does it, else 1; not a number where the norm is not finite, which
/// makes the optimisers leave everything as it is. sum_of_squares: f64 [1] -> f64 [1].
Tensor grad_scale(const Tensor& sum_of_squares, double clip);

namespace kernels {
void squares_of_chunks(Cpu&, const Tensor& x, Tensor& chunks);
void squares_of_chunks(Cuda&, const Tensor& x, Tensor& chunks);
void join_squares(Cpu&, const Tensor& chunks, Tensor& y);
void join_squares(Cuda&, const Tensor& chunks, Tensor& y);
void grad_scale(Cpu&, const Tensor& sum_of_squares, double clip, Tensor& y);
void grad_scale(Cuda&, const Tensor& sum_of_squares, double clip, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
