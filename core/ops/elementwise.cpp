#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

Cost per_element(const Tensor& x, double flops, double passes) {
  return {flops * static_cast<double>(x.size()), passes * static_cast<double>(x.bytes())};
}

void check_alike(const char* op, const Tensor& a, const Tensor& b) {
  VIC_CHECK(ShapeError, a.shape() == b.shape(), op, ": shapes differ: ", a.shape(), " and ",
            b.shape());
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  check_alike("add", a, b);
  VIC_CHECK(DTypeError, a.dtype() == b.dtype(), "add: dtypes differ: ", a.dtype(), " and ",
            b.dtype());
  Tensor y = empty_like(a);
  if (y.size() > 0) {
    on_device("add", a.device(), per_element(a, 1, 3),
              [&](auto& c) { kernels::add_forward(c, a, b, y); });
  }
  return y;
}

void add_(Tensor& a, const Tensor& b) {
  check_alike("add_", a, b);
  VIC_CHECK(DTypeError, a.dtype() == b.dtype(), "add_: dtypes differ: ", a.dtype(), " and ",
            b.dtype());
  if (a.size() == 0) return;
  on_device("add_", a.device(), per_element(a, 1, 3),
            [&](auto& c) { kernels::add_forward(c, a, b, a); });
}

void copy_(Tensor& a, const Tensor& b) {
  check_alike("copy_", a, b);
  if (a.size() == 0) return;
  on_device("copy_", a.device(), per_element(a, 0, 2),
            [&](auto& c) { kernels::copy_forward(c, b, a); });
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = empty_like(x, dtype);
  if (x.size() > 0) {
    on_device("cast", x.device(), per_element(x, 0, 2),
              [&](auto& c) { kernels::copy_forward(c, x, y); });
  }
  return y;
}

void fill_(Tensor& x, double value) {
  if (x.size() == 0) return;
  on_device("fill_", x.device(), per_element(x, 0, 1),
            [&](auto& c) { kernels::fill_forward(c, value, x); });
}

void scale_(Tensor& x, double factor) {
  if (x.size() == 0) return;
  on_device("scale_", x.device(), per_element(x, 1, 2),
            [&](auto& c) { kernels::scale_forward(c, factor, x); });
}

Tensor full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor x = empty(shape, dtype, device);
  fill_(x, value);
  return x;
}

}  // namespace vicinity
