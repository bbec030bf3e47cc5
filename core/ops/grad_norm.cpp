#include "core/ops/grad_norm.h"

#include "core/ops/elementwise.h"

namespace vicinity {

Tensor sum_of_squares(const Tensor& x) {
  Tensor y = empty({1}, DType::f64, x.device());
  if (x.size() == 0) {
    fill_(y, 0);
    return y;
  }
  on_device("sum_of_squares", x.device(),
            {2 * static_cast<double>(x.size()), static_cast<double>(x.bytes())},
            [&](auto& context) { kernels::sum_of_squares(context, x, y); });
  return y;
}

Tensor grad_scale(const Tensor& sum_of_squares, double clip) {
  Tensor y = empty({1}, DType::f64, sum_of_squares.device());
  on_device("grad_scale", y.device(), {4, 16},
            [&](auto& context) { kernels::grad_scale(context, sum_of_squares, clip, y); });
  return y;
}

}  // namespace vicinity
