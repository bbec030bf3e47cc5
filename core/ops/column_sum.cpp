#include "core/ops/column_sum.h"

#include "core/ops/elementwise.h"

namespace vicinity {

Tensor column_sum(const Tensor& x, const Tensor& into) {
  VIC_CHECK(ShapeError, x.rank() >= 1, "column_sum: needs at least one axis, got ", x.shape());
  Tensor y = empty_or(into, {x.dim(-1)}, accumulator_of(x.dtype()), x.device());
  if (x.size() == 0) {
    fill_(y, 0);
    return y;
  }
  on_device("column_sum", x.device(),
            {static_cast<double>(x.size()), static_cast<double>(x.bytes())},
            [&](auto& context) { kernels::column_sum_forward(context, x, y); });
  return y;
}

}  // namespace vicinity
