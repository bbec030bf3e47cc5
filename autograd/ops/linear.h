#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/linear.h, differentiable in x, w and bias (absent: none). Keeps x and w.
Variable linear(const Variable& x, const Variable& w, const Variable& bias);

}  // namespace vicinity
