#include "core/ops/dropout.h"

namespace vicinity {

Tensor dropout(const Tensor& x, const Tensor& factors) {
  VIC_CHECK(ShapeError, x.shape() == factors.shape(), "dropout: x ", x.shape(), ", factors ",
            factors.shape());
  VIC_CHECK(DTypeError, factors.dtype() == accumulator_of(x.dtype()), "dropout: factors are ",
            factors.dtype(), " for x in ", x.dtype());
  Tensor y = empty_like(x);
  if (y.size() > 0) {
    on_device("dropout", x.device(),
              {static_cast<double>(x.size()),
               2 * static_cast<double>(x.bytes()) + static_cast<double>(factors.bytes())},
              [&](auto& context) { kernels::dropout(context, x, factors, y); });
  }
  return y;
}

}  // namespace vicinity
