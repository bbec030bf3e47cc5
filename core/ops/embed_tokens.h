// The token sequence of a ViT: class token, registers, patches, positions, masks.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// out[b] = [cls + positions[0], registers, patches[b, i] + positions[1 + i]]; where mask[b, i] !=
/// 0 the patch is replaced by mask_token first. patches: [B, N, D]; cls: [D]; positions: [1 + N,
/// D]; registers: [R, D] or absent; mask_token: [D], mask: u8 [B, N], both or neither. Parameters
/// are accumulator_of(patches) -> [B, 1 + R + N, D].
Tensor embed_tokens(const Tensor& patches, const Tensor& cls, const Tensor& positions,
                    const Tensor& registers, const Tensor& mask_token, const Tensor& mask);

struct EmbedTokensGrads {
  Tensor dpatches, dcls, dpositions, dregisters, dmask_token;
};
/// dy: [B, 1 + R + N, D]. Sums over samples run in sample order.
EmbedTokensGrads embed_tokens_backward(const Tensor& dy, int64_t registers, const Tensor& mask);

namespace kernels {
void embed_tokens_forward(Cpu&, const Tensor& patches, const Tensor& cls, const Tensor& positions,
                          const Tensor& registers, const Tensor& mask_token, const Tensor& mask,
                          Tensor& y);
void embed_tokens_forward(Cuda&, const Tensor& patches, const Tensor& cls, const Tensor& positions,
                          const Tensor& registers, const Tensor& mask_token, const Tensor& mask,
                          Tensor& y);
void embed_tokens_backward(Cpu&, const Tensor& dy, int64_t registers, const Tensor& mask,
                           EmbedTokensGrads& grads);
void embed_tokens_backward(Cuda&, const Tensor& dy, int64_t registers, const Tensor& mask,
                           EmbedTokensGrads& grads);
}  // namespace kernels

}  // namespace vicinity
