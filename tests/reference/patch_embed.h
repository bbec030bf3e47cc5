#pragma once

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// Convolution with kernel = stride = p; x: [B, H, W, C], w: [D, p, p, C] -> [B, N, D].
inline Tensor patch_embed(const Tensor& x, const Tensor& w, const Tensor& bias) {
  const int64_t p = w.dim(1), down = x.dim(1) / p, across = x.dim(2) / p;
  View in(x), weight(w);
  View y(Shape{x.dim(0), down * across, w.dim(0)});
  for (int64_t b = 0; b < y.dim(0); ++b)
    for (int64_t n = 0; n < y.dim(1); ++n)
      for (int64_t o = 0; o < y.dim(2); ++o) {
        y(b, n, o) = bias.data<double>()[o];
        for (int64_t u = 0; u < p; ++u)
          for (int64_t v = 0; v < p; ++v)
            for (int64_t c = 0; c < x.dim(3); ++c)
              y(b, n, o) += in(b, n / across * p + u, n % across * p + v, c) * weight(o, u, v, c);
      }
  return y.tensor();
}

}  // namespace vicinity::reference
