#include "core/ops/pad_map.h"

namespace vicinity {

Tensor pad_map(const Tensor& x, int64_t height, int64_t width) {
  VIC_CHECK(ShapeError, x.rank() == 4, "pad_map: needs [B, H, W, C], got ", x.shape());
  if (x.dim(1) == height && x.dim(2) == width) return x;
  Tensor y = empty({x.dim(0), height, width, x.dim(3)}, x.dtype(), x.device());
  if (y.size() > 0) {
    on_device("pad_map", x.device(), {0, static_cast<double>(x.bytes() + y.bytes())},
              [&](auto& context) { kernels::pad_map(context, x, y); });
  }
  return y;
}

}  // namespace vicinity
