#include "autograd/ops/position_interpolation.h"

#include <cmath>

#include "autograd/record.h"

namespace vicinity {

Variable interpolate_positions(const Variable& table, int64_t grid_h, int64_t grid_w,
                               PositionMode mode) {
  const auto side =
      static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(table.dim(0) - 1))));
  return record("interpolate_positions", interpolate_positions(table.value(), grid_h, grid_w, mode),
                {table}, [=](const Tensor& dy, const Needs&) -> Grads {
                  return {interpolate_positions_backward(dy, side, grid_h, grid_w, mode)};
                });
}

}  // namespace vicinity
