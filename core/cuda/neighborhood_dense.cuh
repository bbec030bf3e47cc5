// Neighborhood attention where a whole dilation group fits into one block (dilated layers, and maps
// hardly larger than the window).
#pragma once

#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels {

/// Whether the kernels below serve this: bf16, heads of 32, groups of at most 8 x 8 tokens.
bool dense_group_fits(const Tensor& qkv, const NeighborhoodWindow& window);

void dense_group_forward(Cuda&, const Tensor& qkv, const Tensor& rpb,
                         const NeighborhoodWindow& window, Tensor& out);
void dense_group_backward(Cuda&, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                          const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads);

}  // namespace vicinity::kernels
