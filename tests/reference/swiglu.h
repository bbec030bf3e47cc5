#pragma once

#include <cmath>

#include "core/tensor/tensor.h"

namespace vicinity::reference {

inline Tensor swiglu(const Tensor& x) {
  const int64_t features = x.dim(-1) / 2;
  Tensor y = empty(x.shape().with_last(features), DType::f64);
  for (int64_t i = 0; i < y.size(); ++i) {
    const int64_t row = i / features, column = i % features;
    const double gate = x.data<double>()[row * 2 * features + column];
    const double value = x.data<double>()[row * 2 * features + features + column];
    y.data<double>()[i] = gate * value / (1 + std::exp(-gate));
  }
  return y;
}

}  // namespace vicinity::reference
