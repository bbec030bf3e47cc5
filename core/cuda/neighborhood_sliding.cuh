// Neighborhood attention of bf16, heads of 32 channels and windows that slide over their group: on
// tensor cores.
#pragma once

#include "core/cuda/neighborhood_window.cuh"

namespace vicinity::kernels {

/// bf16, head size 32; any kernel, map and dilation.
bool sliding_window_fits(const Tensor& qkv, const NeighborhoodWindow& window);
void sliding_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                            const NeighborhoodWindow& window, Tensor& out);
/// Whether the device has the shared memory of their backward: 227 KB for a block of compute
/// capability 9.0, 99 KB of 8.6, 8.9 and 12.0.
bool sliding_window_backward_fits(const Cuda& cuda, const Tensor& qkv,
                                  const NeighborhoodWindow& window);
void sliding_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                             const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads);

/// The same for kernels 9, 11 and 13, whose windows are too large for registers.
void wide_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                         const NeighborhoodWindow& window, Tensor& out);
void wide_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                          const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads);

/// What backward keeps of a query and head between its passes over queries and over keys.
struct alignas(8) QueryStatistics {
  float log_sum;  // log2 of the sum of its exponentials
  float delta;    // sum of P dP
};
/// dk and dv, into dqkv; of kernels up to 7 and from 9 on.
void sliding_window_backward_keys(Cuda& cuda, const WindowSizes& sizes, const Tensor& dout,
                                  const Tensor& qkv, const Tensor& rpb,
                                  const QueryStatistics* statistics, Tensor& dqkv);
void wide_window_backward_keys(Cuda& cuda, const WindowSizes& sizes, const Tensor& dout,
                               const Tensor& qkv, const Tensor& rpb,
                               const QueryStatistics* statistics, Tensor& dqkv);

/// Shared memory of a block of theirs, bytes.
size_t sliding_window_keys_shared(const WindowSizes& sizes);
size_t wide_window_keys_shared(const Cuda& cuda, const WindowSizes& sizes);

}  // namespace vicinity::kernels
