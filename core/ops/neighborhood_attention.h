// Neighborhood attention with dilation and relative position bias (Hassani et al. 2023,
// arXiv:2204.07143; Hassani & Shi 2022, arXiv:2209.15001), in the arithmetic of the published
// models: the bias is added after scaling.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct NeighborhoodWindow {
  int64_t heads = 1;
  int64_t kernel = 7;    // odd side of the window, tokens
  int64_t dilation = 1;  // distance between neighbours, tokens
};

/// Per axis, token x of length L belongs to the group x mod d of ceil((L - x mod d) / d) tokens; as
/// number g = x / d in it, it sees `kernel` members from start(g) = clamp(g - kernel / 2, 0, size -
/// kernel) on. With i, j over the window:
///   P = softmax_ij(q . k_ij / sqrt(D) + rpb[head, row_i - row + K - 1, col_j - col + K - 1]),  out
///   = sum_ij P_ij v_ij
/// where row, col count within the group.
/// qkv: [B, H, W, 3C] as the projection wrote it, q | k | v, inside each head-major; rpb: [heads,
/// 2K - 1, 2K - 1] of accumulator_of(qkv), or absent -> [B, H, W, C]. Useful flops: 4 B H W K^2 C.
/// ShapeError for an even kernel, heads that do not divide C, or K * dilation larger than the map
/// (both values named).
Tensor neighborhood_attention(const Tensor& qkv, const Tensor& rpb,
                              const NeighborhoodWindow& window);

struct NeighborhoodAttentionGrads {
  Tensor dqkv;  // [B, H, W, 3C]
  Tensor drpb;  // like rpb, absent without one
};
/// Probabilities are computed again; none are kept. drpb is summed per image and head, then over
/// images in order; `drpb`: where to write it, or absent.
NeighborhoodAttentionGrads neighborhood_attention_backward(const Tensor& dout, const Tensor& qkv,
                                                           const Tensor& rpb,
                                                           const NeighborhoodWindow& window,
                                                           const Tensor& drpb = {});

/// P itself: [B, heads, H, W, K * K] of accumulator_of(qkv), neighbours row by row.
Tensor neighborhood_attention_probabilities(const Tensor& qkv, const Tensor& rpb,
                                            const NeighborhoodWindow& window);

namespace kernels {
void neighborhood_attention_forward(Cpu&, const Tensor& qkv, const Tensor& rpb,
                                    const NeighborhoodWindow& window, Tensor& out);
void neighborhood_attention_forward(Cuda&, const Tensor& qkv, const Tensor& rpb,
                                    const NeighborhoodWindow& window, Tensor& out);
void neighborhood_attention_backward(Cpu&, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                                     const NeighborhoodWindow& window,
                                     NeighborhoodAttentionGrads& grads);
void neighborhood_attention_backward(Cuda&, const Tensor& dout, const Tensor& qkv,
                                     const Tensor& rpb, const NeighborhoodWindow& window,
                                     NeighborhoodAttentionGrads& grads);
void neighborhood_attention_probabilities(Cpu&, const Tensor& qkv, const Tensor& rpb,
                                          const NeighborhoodWindow& window, Tensor& probabilities);
void neighborhood_attention_probabilities(Cuda&, const Tensor& qkv, const Tensor& rpb,
                                          const NeighborhoodWindow& window, Tensor& probabilities);
}  // namespace kernels

}  // namespace vicinity
