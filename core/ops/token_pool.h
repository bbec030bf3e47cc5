// From tokens to one vector per image.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// [mean of x[:, first:]] or, with `with_cls`, [x[:, 0], mean of x[:, first:]].
/// x: [B, N, C] -> [B, C] or [B, 2C] of accumulator_of(x); sums in token order. ShapeError if no
/// token is left.
Tensor token_pool(const Tensor& x, int64_t first, bool with_cls);
/// dy: [B, C] or [B, 2C] -> dx: [B, N, C] of `dtype`.
Tensor token_pool_backward(const Tensor& dy, const Shape& x, DType dtype, int64_t first,
                           bool with_cls);

namespace kernels {
void token_pool_forward(Cpu&, const Tensor& x, int64_t first, bool with_cls, Tensor& y);
void token_pool_forward(Cuda&, const Tensor& x, int64_t first, bool with_cls, Tensor& y);
void token_pool_backward(Cpu&, const Tensor& dy, int64_t first, bool with_cls, Tensor& dx);
void token_pool_backward(Cuda&, const Tensor& dy, int64_t first, bool with_cls, Tensor& dx);
}  // namespace kernels

}  // namespace vicinity
