#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/embed_tokens.h, differentiable in all but the mask. Keeps only the mask.
Variable embed_tokens(const Variable& patches, const Variable& cls, const Variable& positions,
                      const Variable& registers, const Variable& mask_token, const Tensor& mask);

}  // namespace vicinity
