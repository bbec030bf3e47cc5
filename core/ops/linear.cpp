#include "core/ops/linear.h"

#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

Cost product_cost(const Tensor& a, const Tensor& b, const Tensor& c, int64_t inner) {
  return {2.0 * static_cast<double>(c.size()) * static_cast<double>(inner),
          static_cast<double>(a.bytes() + b.bytes() + c.bytes())};
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  VIC_CHECK(ShapeError, x.rank() >= 1 && w.rank() == 2 && x.dim(-1) == w.dim(1), "linear: x ",
            x.shape(), " does not fit weight ", w.shape(), " [out, in]");
  VIC_CHECK(DTypeError, x.dtype() == w.dtype(), "linear: x is ", x.dtype(), ", weight is ",
            w.dtype());
  VIC_CHECK(ShapeError, !bias.defined() || bias.shape() == Shape({w.dim(0)}),
            "linear: bias does not fit weight ", w.shape());
  Tensor y = empty(x.shape().with_last(w.dim(0)), x.dtype(), x.device());
  if (y.size() > 0) {
    on_device("linear", x.device(), product_cost(x, w, y, w.dim(1)),
              [&](auto& context) { kernels::linear_forward(context, x, w, bias, y); });
  }
  return y;
}

Tensor linear_backward_input(const Tensor& dy, const Tensor& w) {
  VIC_CHECK(ShapeError, dy.dim(-1) == w.dim(0), "linear_backward_input: dy ", dy.shape(),
            " does not fit weight ", w.shape());
  Tensor dx = empty(dy.shape().with_last(w.dim(1)), dy.dtype(), dy.device());
  if (dx.size() > 0) {
    on_device("linear_backward_input", dy.device(), product_cost(dy, w, dx, w.dim(0)),
              [&](auto& context) { kernels::linear_backward_input(context, dy, w, dx); });
  }
  return dx;
}

Tensor linear_backward_weight(const Tensor& dy, const Tensor& x, const Tensor& into) {
  VIC_CHECK(ShapeError, dy.rows() == x.rows(), "linear_backward_weight: dy ", dy.shape(), " and x ",
            x.shape(), " have different rows");
  Tensor dw = empty_or(into, {dy.dim(-1), x.dim(-1)}, accumulator_of(x.dtype()), x.device());
  if (x.rows() == 0) {
    fill_(dw, 0);
  } else if (dw.size() > 0) {
    on_device("linear_backward_weight", x.device(), product_cost(dy, x, dw, x.rows()),
              [&](auto& context) { kernels::linear_backward_weight(context, dy, x, dw); });
  }
  return dw;
}

}  // namespace vicinity
