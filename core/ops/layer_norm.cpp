#include "core/ops/layer_norm.h"

#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

void check(const Tensor& x, const Tensor& w) {
  VIC_CHECK(ShapeError, x.rank() >= 1 && w.shape() == Shape({x.dim(-1)}), "layer_norm: weight ",
            w.shape(), " does not fit x ", x.shape());
  VIC_CHECK(DTypeError, w.dtype() == accumulator_of(x.dtype()), "layer_norm: weight is ", w.dtype(),
            ", wanted ", accumulator_of(x.dtype()), " beside x of ", x.dtype());
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps) {
  check(x, w);
  VIC_CHECK(ShapeError, b.shape() == w.shape(), "layer_norm: bias ", b.shape(), ", weight ",
            w.shape());
  Tensor y = empty_like(x);
  if (x.size() > 0) {
    on_device("layer_norm", x.device(),
              {8 * static_cast<double>(x.size()), 2 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::layer_norm_forward(context, x, w, b, eps, y); });
  }
  return y;
}

LayerNormGrads layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                                   const LayerNormGrads& into) {
  check(x, w);
  VIC_CHECK(ShapeError, dy.shape() == x.shape(), "layer_norm_backward: dy ", dy.shape(), ", x ",
            x.shape());
  LayerNormGrads grads{empty_like(x), empty_or(into.dw, w.shape(), w.dtype(), w.device()),
                       empty_or(into.db, w.shape(), w.dtype(), w.device())};
  if (x.size() > 0) {
    on_device("layer_norm_backward", x.device(),
              {16 * static_cast<double>(x.size()), 3 * static_cast<double>(x.bytes())},
              [&](auto& context) { kernels::layer_norm_backward(context, dy, x, w, eps, grads); });
  } else {
    fill_(grads.dw, 0);
    fill_(grads.db, 0);
  }
  return grads;
}

}  // namespace vicinity
