#pragma once

#include <cmath>

#include "core/ops/cross_entropy.h"
#include "tests/support/fp64.h"

namespace vicinity::reference {

/// The whole table of targets [B, K].
inline Tensor dense_targets(const Targets& targets, int64_t batch, int64_t classes) {
  if (targets.dense.defined()) return cast(targets.dense, DType::f64);
  View t(Shape{batch, classes});
  for (int64_t b = 0; b < batch; ++b) {
    const double weight =
        targets.second.defined() ? static_cast<double>(targets.weight.data<float>()[b]) : 1;
    t(b, targets.first.data<int32_t>()[b]) += weight;
    if (targets.second.defined()) t(b, targets.second.data<int32_t>()[b]) += 1 - weight;
    for (int64_t k = 0; k < classes; ++k) {
      t(b, k) =
          (1 - targets.smoothing) * t(b, k) + targets.smoothing / static_cast<double>(classes);
    }
  }
  return t.tensor();
}

/// -sum over k of t log p, p the softmax.
inline Tensor cross_entropy(const Tensor& logits, const Targets& targets) {
  const int64_t batch = logits.dim(0), classes = logits.dim(1);
  View x(logits), t(dense_targets(targets, batch, classes)), y(Shape{batch});
  for (int64_t b = 0; b < batch; ++b) {
    long double sum = 0;  // wide enough to need no maximum: e^11000 fits
    for (int64_t k = 0; k < classes; ++k) sum += std::exp(static_cast<long double>(x(b, k)));
    for (int64_t k = 0; k < classes; ++k)
      y(b) -= t(b, k) * static_cast<double>(x(b, k) - std::log(sum));
  }
  return y.tensor();
}

}  // namespace vicinity::reference
