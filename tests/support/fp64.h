// Plain fp64 access for references: x(i, j, k, l) of a row-major tensor.
#pragma once

#include "core/ops/elementwise.h"

namespace vicinity::reference {

class View {
 public:
  explicit View(Tensor x) : x_(std::move(x)) {}
  explicit View(const Shape& shape) : x_(zeros(shape, DType::f64)) {}
  template <class... Index>
  double& operator()(Index... index) {
    int64_t at = 0;
    int axis = 0;
    ((at = at * x_.dim(axis++) + static_cast<int64_t>(index)), ...);
    return x_.data<double>()[at];
  }
  int64_t dim(int axis) const { return x_.dim(axis); }
  const Tensor& tensor() const { return x_; }

 private:
  Tensor x_;
};

}  // namespace vicinity::reference
