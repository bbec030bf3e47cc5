#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// [first token if with_cls, mean of the tokens from `first` on].
inline Tensor token_pool(const Tensor& x, int64_t first, bool with_cls) {
  View in(x);
  const int64_t tokens = x.dim(1), width = x.dim(2), shift = with_cls ? width : 0;
  View y(Shape{x.dim(0), shift + width});
  for (int64_t b = 0; b < x.dim(0); ++b) {
    for (int64_t c = 0; c < width; ++c) {
      if (with_cls) y(b, c) = in(b, 0, c);
      for (int64_t t = first; t < tokens; ++t)
        y(b, shift + c) += in(b, t, c) / static_cast<double>(tokens - first);
    }
  }
  return y.tensor();
}

}  // namespace vicinity::reference
