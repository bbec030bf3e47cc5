#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/conv3x3.h, differentiable in x, w and bias (absent: none). Keeps x and w; patches are
/// gathered again.
Variable conv3x3(const Variable& x, const Variable& w, const Variable& bias);

}  // namespace vicinity
