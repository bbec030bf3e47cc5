#pragma once

#include "autograd/variable.h"
#include "core/ops/position_interpolation.h"

namespace vicinity {

/// core/ops/position_interpolation.h, differentiable in the table. Keeps nothing.
Variable interpolate_positions(const Variable& table, int64_t grid_h, int64_t grid_w,
                               PositionMode mode);

}  // namespace vicinity
