// One row of a layer normalisation: shared by layer_norm and residual.
#pragma once

#include <cmath>
#include <cstdint>

namespace vicinity::kernels {

template <class C>
struct RowStatistics {
  C mean;
  C rstd;
};

/// Mean, then variance of the centred values (no cancellation at large offsets).
template <class C>
RowStatistics<C> row_statistics(const C* __restrict__ x, int64_t columns, C eps) {
  C sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t c = 0; c < columns; ++c) sum += x[c];
  const C mean = sum / static_cast<C>(columns);
  C squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t c = 0; c < columns; ++c) squares += (x[c] - mean) * (x[c] - mean);
  return {mean, 1 / std::sqrt(squares / static_cast<C>(columns) + eps)};
}

/// dx of a row, added onto `dx`; dw and db summed into the partials.
template <class C>
void row_norm_backward(const C* __restrict__ dy, const C* __restrict__ x, const C* __restrict__ w,
                       int64_t columns, C eps, C* __restrict__ dx, C* __restrict__ dw,
                       C* __restrict__ db) {
  const RowStatistics<C> s = row_statistics(x, columns, eps);
  C sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
  for (int64_t c = 0; c < columns; ++c) {
    const C xhat = (x[c] - s.mean) * s.rstd, g = dy[c] * w[c];
    sum += g;
    dot += g * xhat;
    dw[c] += dy[c] * xhat;
    db[c] += dy[c];
  }
  sum /= static_cast<C>(columns);
  dot /= static_cast<C>(columns);
#pragma omp simd
  for (int64_t c = 0; c < columns; ++c) {
    dx[c] += s.rstd * (dy[c] * w[c] - sum - (x[c] - s.mean) * s.rstd * dot);
  }
}

}  // namespace vicinity::kernels
