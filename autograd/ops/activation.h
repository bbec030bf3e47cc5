#pragma once

#include "autograd/variable.h"
#include "core/ops/activation.h"

namespace vicinity {

/// core/ops/activation.h, differentiable. Keeps x.
Variable activation(const Variable& x, Activation kind);

}  // namespace vicinity
