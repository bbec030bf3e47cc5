#include "core/ops/grad_norm.h"

namespace vicinity {

double sum_of_squares(const Tensor& x) {
  double sum = 0;
  if (x.size() > 0) {
    on_device("sum_of_squares", x.device(),
              {2 * static_cast<double>(x.size()), static_cast<double>(x.bytes())},
              [&](auto& context) { sum = kernels::sum_of_squares(context, x); });
  }
  return sum;
}

}  // namespace vicinity
