#pragma once

#include "autograd/variable.h"
#include "core/ops/dropout.h"

namespace vicinity {

/// core/ops/dropout.h, differentiable in x. Keeps the factors.
Variable dropout(const Variable& x, const Tensor& factors);

}  // namespace vicinity
