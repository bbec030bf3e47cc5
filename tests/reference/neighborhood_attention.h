#pragma once

#include <cmath>

#include "core/ops/neighborhood_attention.h"
#include "tests/support/fp64.h"

namespace vicinity::reference {

// The case form of the published library (0.14): independent of the closed form that the kernels
// use.
inline int64_t na_start(int64_t x, int64_t length, int64_t kernel, int64_t d) {
  const int64_t r = kernel / 2;
  if (d == 1) return std::max<int64_t>(x - r, 0) + (x + r >= length ? length - x - r - 1 : 0);
  if (x - r * d < 0) return x % d;
  if (x + r * d < length) return x - r * d;
  const int64_t a = length / d * d, b = length - a, m = x % d;
  return m < b ? length - b + m - 2 * r * d : a + m - kernel * d;
}

inline Tensor neighborhood_attention(const Tensor& packed, const Tensor& table,
                                     const NeighborhoodWindow& w) {
  View qkv(packed), out(packed.shape().with_last(packed.dim(3) / 3));
  const int64_t batch = qkv.dim(0), height = qkv.dim(1), width = qkv.dim(2), c = qkv.dim(3) / 3,
                d = c / w.heads;
  const int64_t k = w.kernel;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t head = 0; head < w.heads; ++head)
      for (int64_t i = 0; i < height; ++i)
        for (int64_t j = 0; j < width; ++j) {
          const int64_t i0 = na_start(i, height, k, w.dilation),
                        j0 = na_start(j, width, k, w.dilation);
          std::vector<double> e;
          double sum = 0;
          for (int64_t u = 0; u < k; ++u)
            for (int64_t v = 0; v < k; ++v) {
              const int64_t y = i0 + u * w.dilation, x = j0 + v * w.dilation;
              double s = 0;
              for (int64_t t = 0; t < d; ++t)
                s += qkv(b, i, j, head * d + t) * qkv(b, y, x, c + head * d + t);
              s /= std::sqrt(static_cast<double>(d));
              if (table.defined())
                s += View(table)(head, (y - i) / w.dilation + k - 1, (x - j) / w.dilation + k - 1);
              e.push_back(std::exp(s));
              sum += e.back();
            }
          for (int64_t u = 0; u < k; ++u)
            for (int64_t v = 0; v < k; ++v)
              for (int64_t t = 0; t < d; ++t)
                out(b, i, j, head * d + t) +=
                    e[static_cast<size_t>(u * k + v)] / sum *
                    qkv(b, i0 + u * w.dilation, j0 + v * w.dilation, 2 * c + head * d + t);
        }
  return out.tensor();
}

}  // namespace vicinity::reference
