#pragma once

#include <cmath>

#include "core/ops/activation.h"

namespace vicinity::reference {

inline double activation(double x, Activation kind) {
  switch (kind) {
    case Activation::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::selu:
      return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * std::expm1(x));
    case Activation::silu:
      return x / (1 + std::exp(-x));
  }
  VIC_FAIL(InternalError, "unknown activation");
}

/// d activation / dx, written out again rather than differenced.
inline double activation_slope(double x, Activation kind) {
  switch (kind) {
    case Activation::gelu:
      return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
    case Activation::gelu_tanh: {
      const double k = std::sqrt(2 / M_PI), t = std::tanh(k * (x + 0.044715 * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::selu:
      return 1.0507009873554804934 * (x > 0 ? 1 : 1.6732632423543772848 * std::exp(x));
    case Activation::silu: {
      const double s = 1 / (1 + std::exp(-x));
      return s + x * s * (1 - s);
    }
  }
  VIC_FAIL(InternalError, "unknown activation");
}

inline Tensor activation(const Tensor& x, Activation kind) {
  Tensor y = empty_like(x);
  for (int64_t i = 0; i < x.size(); ++i)
    y.data<double>()[i] = activation(x.data<double>()[i], kind);
  return y;
}

}  // namespace vicinity::reference
