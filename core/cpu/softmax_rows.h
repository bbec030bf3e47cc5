// Softmax along rows that lie in cache.
#include "core/cpu/simd_math.h"

#if defined(VICINITY_CORE_CPU_SOFTMAX_ROWS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_SOFTMAX_ROWS_H
#undef VICINITY_CORE_CPU_SOFTMAX_ROWS_H
#else
#define VICINITY_CORE_CPU_SOFTMAX_ROWS_H
#endif

#include <limits>

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class C>
C most_of(const C* x, int64_t count) {
  Lanes<C> most = -std::numeric_limits<C>::infinity();
  for_lanes<C>(
      count, [&](int64_t i, auto part) { most = max(most, keep(load(x + i, part), part, most)); });
  return most.most();
}

/// x = exp(scale (x - most)) -> their sum.
template <class C>
HWY_INLINE C exponentials(C* x, int64_t count, C most, C scale) {
  const Lanes<C> least = -most * scale;  // rounded, but the same for all
  Lanes<C> sum;
  for_lanes<C>(count, [&](int64_t i, auto part) {
    const Lanes<C> e = exp(fma(load(x + i, part), scale, least));
    store(e, x + i, part);
    sum += keep(e, part);
  });
  return sum.sum();
}

/// probabilities = softmax(scale * scores) along rows; the scores are lost.
template <class P, class C = Compute<P>>
void softmax_rows(C* scores, P* probabilities, int64_t rows, int64_t columns, C scale) {
  for (int64_t r = 0; r < rows; ++r, scores += columns, probabilities += columns) {
    const C sum = exponentials(scores, columns, most_of(scores, columns), scale);
    const Lanes<C> inverse = 1 / sum;
    for_lanes<C>(columns, [&](int64_t j, auto part) {
      store(load(scores + j, part) * inverse, probabilities + j, part);
    });
  }
}

/// ds = scale * p (dp - rowsum(p dp)), rounded to the dtype of the operands.
template <class P, class C = Compute<P>>
void softmax_rows_backward(const P* p, const C* dp, P* ds, int64_t rows, int64_t columns, C scale) {
  for (int64_t r = 0; r < rows; ++r, p += columns, dp += columns, ds += columns) {
    Lanes<C> dot;
    for_lanes<C>(columns, [&](int64_t j, auto part) {
      dot = fma(load(p + j, part), load(dp + j, part), dot);
    });
    const Lanes<C> total = dot.sum();
    for_lanes<C>(columns, [&](int64_t j, auto part) {
      store(load(p + j, part) * scale * (load(dp + j, part) - total), ds + j, part);
    });
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
