// Full self-attention of a ViT (Vaswani et al. 2017, arXiv:1706.03762, eq. 1).
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// out = softmax(q k^T / sqrt(d)) v per head.  qkv: [B, N, 3C] as the projection wrote it, q | k |
/// v, inside each head-major -> [B, N, C]. Scores and sums in fp32 or wider. 4 B N^2 C flops.
/// ShapeError if C is not heads * d.
Tensor attention(const Tensor& qkv, int64_t heads);
/// dout: [B, N, C] -> dqkv: [B, N, 3C]. Probabilities are computed again, a few images at a time;
/// none are kept.
Tensor attention_backward(const Tensor& dout, const Tensor& qkv, int64_t heads);
/// softmax(q k^T / sqrt(d)): [B, heads, N, N] of accumulator_of(qkv), for those who ask for
/// attentions.
Tensor attention_probabilities(const Tensor& qkv, int64_t heads);

namespace kernels {
void attention_forward(Cpu&, const Tensor& qkv, int64_t heads, Tensor& out);
void attention_forward(Cuda&, const Tensor& qkv, int64_t heads, Tensor& out);
void attention_backward(Cpu&, const Tensor& dout, const Tensor& qkv, int64_t heads, Tensor& dqkv);
void attention_backward(Cuda&, const Tensor& dout, const Tensor& qkv, int64_t heads, Tensor& dqkv);
void attention_probabilities(Cpu&, const Tensor& qkv, int64_t heads, Tensor& probabilities);
void attention_probabilities(Cuda&, const Tensor& qkv, int64_t heads, Tensor& probabilities);
}  // namespace kernels

}  // namespace vicinity
