#include "core/ops/conv3x3.h"

#include "core/ops/linear.h"

namespace vicinity {
namespace {

int64_t halved(int64_t size) { return (size + 1) / 2; }

void check(const Tensor& x, const Tensor& w) {
  const bool fits =
      x.rank() == 4 && w.rank() == 4 && w.dim(1) == 3 && w.dim(2) == 3 && w.dim(3) == x.dim(3);
  VIC_CHECK(ShapeError, fits, "conv3x3: x ", x.shape(), " [B, H, W, Ci] does not fit weight ",
            w.shape(), " [Co, 3, 3, Ci]");
}

}  // namespace

Tensor conv3x3_patches(const Tensor& x) {
  Tensor patches =
      empty({x.dim(0) * halved(x.dim(1)) * halved(x.dim(2)), 9 * x.dim(3)}, x.dtype(), x.device());
  if (patches.size() > 0) {
    on_device("conv3x3_patches", x.device(), {0, static_cast<double>(x.bytes() + patches.bytes())},
              [&](auto& context) { kernels::conv3x3_patches(context, x, patches); });
  }
  return patches;
}

Tensor conv3x3(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check(x, w);
  const Tensor y = linear(conv3x3_patches(x), w.reshape({w.dim(0), -1}), bias);
  return y.reshape({x.dim(0), halved(x.dim(1)), halved(x.dim(2)), w.dim(0)});
}

Tensor conv3x3_backward_input(const Tensor& dy, const Tensor& w, int64_t height, int64_t width) {
  const Tensor dpatches = linear_backward_input(dy, w.reshape({w.dim(0), -1}));
  Tensor dx = empty({dy.dim(0), height, width, w.dim(3)}, dy.dtype(), dy.device());
  if (dx.size() > 0) {
    on_device(
        "conv3x3_scatter", dy.device(),
        {static_cast<double>(dpatches.size()), static_cast<double>(dpatches.bytes() + dx.bytes())},
        [&](auto& context) { kernels::conv3x3_scatter(context, dpatches, dx); });
  }
  return dx;
}

Tensor conv3x3_backward_weight(const Tensor& dy, const Tensor& x, const Tensor& into) {
  const int64_t out = dy.dim(3);
  const Tensor dw = linear_backward_weight(dy.reshape({-1, out}), conv3x3_patches(x),
                                           into.defined() ? into.reshape({out, -1}) : Tensor{});
  return dw.reshape({out, 3, 3, x.dim(3)});
}

}  // namespace vicinity
