#include "core/ops/patches.h"

namespace vicinity {

Tensor patches(const Tensor& x, int64_t p) {
  VIC_CHECK(ShapeError, x.rank() == 4 && p >= 1 && x.dim(1) >= p && x.dim(2) >= p,
            "patches: an image ", x.shape(), " [B, H, W, C] holds no patch of ", p, " x ", p);
  Tensor y =
      empty({x.dim(0), (x.dim(1) / p) * (x.dim(2) / p), p * p * x.dim(3)}, x.dtype(), x.device());
  if (y.size() > 0) {
    on_device("patches", x.device(), {0, static_cast<double>(x.bytes() + y.bytes())},
              [&](auto& context) { kernels::patches_forward(context, x, p, y); });
  }
  return y;
}

}  // namespace vicinity
