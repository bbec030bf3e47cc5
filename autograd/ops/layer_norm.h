#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/layer_norm.h, differentiable in x, w and b. Keeps x and w.
Variable layer_norm(const Variable& x, const Variable& w, const Variable& b, double eps);

}  // namespace vicinity
