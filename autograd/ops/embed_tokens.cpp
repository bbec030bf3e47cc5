#include "autograd/ops/embed_tokens.h"

#include "autograd/record.h"
#include "core/ops/embed_tokens.h"

namespace vicinity {

Variable embed_tokens(const Variable& patches, const Variable& cls, const Variable& positions,
                      const Variable& registers, const Variable& mask_token, const Tensor& mask) {
  const int64_t extra = registers.defined() ? registers.dim(0) : 0;
  return record("embed_tokens",
                embed_tokens(patches.value(), cls.value(), positions.value(), registers.value(),
                             mask_token.value(), mask),
                {patches, cls, positions, registers, mask_token},
                [extra, mask](const Tensor& dy, const Needs&) -> Grads {
                  EmbedTokensGrads g = embed_tokens_backward(dy, extra, mask);
                  return {g.dpatches, g.dcls, g.dpositions, g.dregisters, g.dmask_token};
                });
}

}  // namespace vicinity
