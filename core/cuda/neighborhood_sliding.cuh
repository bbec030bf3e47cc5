// Neighborhood attention of bf16, heads of 32 channels and windows that slide over their group: on
// tensor cores.
#pragma once

#include "core/cuda/neighborhood_window.cuh"

namespace vicinity::kernels {

/// bf16, head size 32, kernel 3, 5 or 7; any map and dilation.
bool sliding_window_fits(const Tensor& qkv, const NeighborhoodWindow& window);
void sliding_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                            const NeighborhoodWindow& window, Tensor& out);
void sliding_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                             const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads);

/// What backward keeps of a query and head between its passes over queries and over keys.
struct alignas(8) QueryStatistics {
  float log_sum;  // log2 of the sum of its exponentials
  float delta;    // sum of P dP
};
/// dk and dv, into dqkv.
void sliding_window_backward_keys(Cuda& cuda, const WindowSizes& sizes, const Tensor& dout,
                                  const Tensor& qkv, const Tensor& rpb,
                                  const QueryStatistics* statistics, Tensor& dqkv);

}  // namespace vicinity::kernels
