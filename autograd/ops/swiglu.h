#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/swiglu.h, differentiable. Keeps x.
Variable swiglu(const Variable& x);

}  // namespace vicinity
