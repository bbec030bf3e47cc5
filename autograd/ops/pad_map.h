#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// core/ops/pad_map.h, differentiable. Keeps nothing.
Variable pad_map(const Variable& x, int64_t height, int64_t width);

}  // namespace vicinity
