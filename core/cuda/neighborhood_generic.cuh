// Neighborhood attention of any odd kernel, dilation, head size and storage, one warp per query (or
// key) and head: the path of f32, and of shapes without a kernel of their own.
#pragma once

#include "core/cuda/neighborhood_window.cuh"

namespace vicinity::kernels {

void generic_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                            const NeighborhoodWindow& window, Tensor& out);
void generic_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                             const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads);
void generic_window_probabilities(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                                  const NeighborhoodWindow& window, Tensor& probabilities);

}  // namespace vicinity::kernels
