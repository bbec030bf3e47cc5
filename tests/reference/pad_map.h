#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

inline Tensor pad_map(const Tensor& x, int64_t height, int64_t width) {
  View in(x), y(Shape{x.dim(0), height, width, x.dim(3)});
  for (int64_t b = 0; b < x.dim(0); ++b) {
    for (int64_t i = 0; i < std::min(height, x.dim(1)); ++i) {
      for (int64_t j = 0; j < std::min(width, x.dim(2)); ++j) {
        for (int64_t c = 0; c < x.dim(3); ++c) y(b, i, j, c) = in(b, i, j, c);
      }
    }
  }
  return y.tensor();
}

}  // namespace vicinity::reference
