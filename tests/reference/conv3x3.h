#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// Direct convolution with stride 2 and one zero around the map.
inline Tensor conv3x3(const Tensor& x, const Tensor& w, const Tensor& bias) {
  View in(x), weight(w);
  View y(Shape{x.dim(0), (x.dim(1) + 1) / 2, (x.dim(2) + 1) / 2, w.dim(0)});
  for (int64_t b = 0; b < y.dim(0); ++b)
    for (int64_t i = 0; i < y.dim(1); ++i)
      for (int64_t j = 0; j < y.dim(2); ++j)
        for (int64_t o = 0; o < y.dim(3); ++o) {
          double sum = bias.defined() ? bias.data<double>()[o] : 0;
          for (int64_t u = 0; u < 3; ++u)
            for (int64_t v = 0; v < 3; ++v) {
              const int64_t row = 2 * i + u - 1, column = 2 * j + v - 1;
              if (row < 0 || row >= x.dim(1) || column < 0 || column >= x.dim(2)) continue;
              for (int64_t c = 0; c < x.dim(3); ++c)
                sum += in(b, row, column, c) * weight(o, u, v, c);
            }
          y(b, i, j, o) = sum;
        }
  return y.tensor();
}

}  // namespace vicinity::reference
