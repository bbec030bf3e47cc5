#pragma once

#include "autograd/variable.h"
#include "core/ops/neighborhood_attention.h"

namespace vicinity {

/// core/ops/neighborhood_attention.h, differentiable in qkv and rpb (absent: none). Keeps qkv and
/// rpb.
Variable neighborhood_attention(const Variable& qkv, const Variable& rpb,
                                const NeighborhoodWindow& window);

}  // namespace vicinity
