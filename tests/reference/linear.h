#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// y[..., n] = bias[n] + sum over k of x[..., k] w[n, k].
inline Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  View a(x.reshape({x.rows(), x.dim(-1)})), b(w);
  View y(Shape{x.rows(), w.dim(0)});
  for (int64_t i = 0; i < y.dim(0); ++i) {
    for (int64_t j = 0; j < y.dim(1); ++j) {
      y(i, j) = bias.defined() ? bias.data<double>()[j] : 0;
      for (int64_t k = 0; k < w.dim(1); ++k) y(i, j) += a(i, k) * b(j, k);
    }
  }
  return y.tensor().reshape(x.shape().with_last(w.dim(0)));
}

/// Sum over all rows.
inline Tensor column_sum(const Tensor& x) {
  View a(x.reshape({x.rows(), x.dim(-1)}));
  View y(Shape{x.dim(-1)});
  for (int64_t i = 0; i < a.dim(0); ++i)
    for (int64_t c = 0; c < a.dim(1); ++c) y(c) += a(i, c);
  return y.tensor();
}

}  // namespace vicinity::reference
