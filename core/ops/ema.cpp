#include "core/ops/ema.h"

namespace vicinity {

void ema_(Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale) {
  VIC_CHECK(ShapeError, average.shape() == param.shape(), "ema_: average ", average.shape(),
            ", parameter ", param.shape());
  VIC_CHECK(DTypeError, average.dtype() == param.dtype(), "ema_: the average is ", average.dtype(),
            ", the parameter ", param.dtype());
  if (param.size() == 0) return;
  on_device("ema", param.device(),
            {3 * static_cast<double>(param.size()), 3 * static_cast<double>(param.bytes())},
            [&](auto& context) { kernels::ema(context, average, param, decay, grad_scale); });
}

}  // namespace vicinity
