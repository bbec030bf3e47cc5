#include "core/ops/token_pool.h"

namespace vicinity {

Tensor token_pool(const Tensor& x, int64_t first, bool with_cls) {
  VIC_CHECK(ShapeError, x.rank() == 3 && first >= 0 && first < x.dim(1), "token_pool: x ",
            x.shape(), " [B, N, C] has no token ", first);
  Tensor y =
      empty({x.dim(0), (with_cls ? 2 : 1) * x.dim(2)}, accumulator_of(x.dtype()), x.device());
  if (y.size() > 0) {
    on_device("token_pool", x.device(),
              {static_cast<double>(x.size()), static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::token_pool_forward(context, x, first, with_cls, y); });
  }
  return y;
}

Tensor token_pool_backward(const Tensor& dy, const Shape& shape, DType dtype, int64_t first,
                           bool with_cls) {
  Tensor dx = empty(shape, dtype, dy.device());
  if (dx.size() > 0) {
    on_device(
        "token_pool_backward", dy.device(),
        {static_cast<double>(dx.size()), static_cast<double>(dx.bytes())},
        [&](auto& context) { kernels::token_pool_backward(context, dy, first, with_cls, dx); });
  }
  return dx;
}

}  // namespace vicinity
