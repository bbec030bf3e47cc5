// Sum over rows: the gradient of a bias.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y[c] = sum over all leading axes of x[..., c], in fixed chunks of rows added in order.
/// x: [..., C] -> [C] of accumulator_of(x). Reads x once. Zero where there are no rows.
/// `into`: where to write it, or absent.
Tensor column_sum(const Tensor& x, const Tensor& into = {});

namespace kernels {
void column_sum_forward(Cpu&, const Tensor& x, Tensor& y);
void column_sum_forward(Cuda&, const Tensor& x, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
