#include "core/ops/swiglu.h"

namespace vicinity {

Tensor swiglu(const Tensor& x) {
  VIC_CHECK(ShapeError, x.rank() > 0 && x.dim(-1) % 2 == 0,
            "swiglu: the last axis must be even (gate and value), got ", x.shape());
  Tensor y = empty(x.shape().with_last(x.dim(-1) / 2), x.dtype(), x.device());
  const auto n = static_cast<double>(y.size());
  if (y.size() > 0) {
    on_device("swiglu", x.device(), {.flops = 6 * n, .bytes = 1.5 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::swiglu_forward(context, x, y); });
  }
  return y;
}

Tensor swiglu_backward(const Tensor& dy, const Tensor& x) {
  VIC_CHECK(ShapeError, dy.shape() == x.shape().with_last(x.dim(-1) / 2), "swiglu_backward: dy ",
            dy.shape(), " does not fit x ", x.shape());
  Tensor dx = empty_like(x);
  const auto n = static_cast<double>(dy.size());
  if (x.size() > 0) {
    on_device("swiglu_backward", x.device(),
              {.flops = 12 * n, .bytes = 2.5 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::swiglu_backward(context, dy, x, dx); });
  }
  return dx;
}

}  // namespace vicinity
