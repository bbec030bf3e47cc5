#pragma once

#include <cmath>
#include <vector>

#include "tests/support/fp64.h"

namespace vicinity::reference {

/// softmax(q k^T / sqrt(d)) v of each head; packed: q, k and v side by side, [B, N, 3 C] -> [B, N,
/// C].
inline Tensor attention(const Tensor& packed, int64_t heads) {
  View qkv(packed), out(packed.shape().with_last(packed.dim(2) / 3));
  const int64_t n = qkv.dim(1), c = qkv.dim(2) / 3, d = c / heads;
  for (int64_t b = 0; b < qkv.dim(0); ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        std::vector<double> e;
        double sum = 0;
        for (int64_t j = 0; j < n; ++j) {
          double s = 0;
          for (int64_t t = 0; t < d; ++t) s += qkv(b, i, h * d + t) * qkv(b, j, c + h * d + t);
          e.push_back(std::exp(s / std::sqrt(static_cast<double>(d))));
          sum += e.back();
        }
        for (int64_t j = 0; j < n; ++j)
          for (int64_t t = 0; t < d; ++t)
            out(b, i, h * d + t) += e[static_cast<size_t>(j)] / sum * qkv(b, j, 2 * c + h * d + t);
      }
  return out.tensor();
}

}  // namespace vicinity::reference
