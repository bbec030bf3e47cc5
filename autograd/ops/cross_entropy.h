#pragma once

#include "autograd/variable.h"
#include "core/ops/cross_entropy.h"

namespace vicinity {

/// core/ops/cross_entropy.h, differentiable in the logits. Keeps the logits.
Variable cross_entropy(const Variable& logits, const Targets& targets);
/// factor * sum of x, differentiable. x: [B] -> [1]. Keeps nothing.
Variable sum_scaled(const Variable& x, double factor);

}  // namespace vicinity
