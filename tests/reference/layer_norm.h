#pragma once

#include <cmath>

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// (x - mean) / sqrt(variance + eps) * w + b over the last axis; sums in long double.
inline Tensor layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps) {
  Tensor y = empty_like(x);
  const int64_t columns = x.dim(-1);
  for (int64_t row = 0; row < x.rows(); ++row) {
    const double* in = x.data<double>() + row * columns;
    long double mean = 0, variance = 0;
    for (int64_t c = 0; c < columns; ++c) mean += in[c];
    mean /= columns;
    for (int64_t c = 0; c < columns; ++c) variance += (in[c] - mean) * (in[c] - mean);
    variance /= columns;
    for (int64_t c = 0; c < columns; ++c) {
      y.data<double>()[row * columns + c] =
          static_cast<double>((in[c] - mean) / std::sqrt(variance + eps)) * w.data<double>()[c] +
          b.data<double>()[c];
    }
  }
  return y;
}

}  // namespace vicinity::reference
