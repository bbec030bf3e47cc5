// One row of a layer normalisation: shared by layer_norm and residual.
#include "core/cpu/simd.h"

#if defined(VICINITY_CORE_CPU_ROW_NORM_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_ROW_NORM_H
#undef VICINITY_CORE_CPU_ROW_NORM_H
#else
#define VICINITY_CORE_CPU_ROW_NORM_H
#endif

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class C>
struct RowStatistics {
  C mean;
  C rstd;
};

/// Mean, then variance of the centred values (no cancellation at large offsets).
template <class T, class C = Compute<T>>
RowStatistics<C> row_statistics(const T* x, int64_t columns, C eps) {
  Lanes<C> sum;
  for_lanes<C>(columns, [&](int64_t c, auto part) { sum += load(x + c, part); });
  const C mean = sum.sum() / static_cast<C>(columns);
  Lanes<C> squares;
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> centred = keep(load(x + c, part) - mean, part);
    squares = fma(centred, centred, squares);
  });
  return {mean, 1 / std::sqrt(squares.sum() / static_cast<C>(columns) + eps)};
}

template <class T, class C = Compute<T>>
void row_norm(const T* x, const C* w, const C* b, int64_t columns, C eps, T* y) {
  const auto [mean, rstd] = row_statistics(x, columns, eps);
  const Lanes<C> shift = mean, scale = rstd;
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> xhat = (load(x + c, part) - shift) * scale;
    store(fma(xhat, load(w + c, part), load(b + c, part)), y + c, part);
  });
}

/// Calls give(c, part, dx) for each vector of a row's gradient; dw and db summed into the partials.
template <class T, class Give, class C = Compute<T>>
HWY_INLINE void row_norm_backward(const T* dy, const T* x, const C* w, int64_t columns, C eps,
                                  C* dw, C* db, Give&& give) {
  const auto [mean, rstd] = row_statistics(x, columns, eps);
  const Lanes<C> shift = mean, scale = rstd;
  Lanes<C> sum, dot;
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> up = load(dy + c, part), xhat = (load(x + c, part) - shift) * scale;
    const Lanes<C> g = up * load(w + c, part);
    sum += g;
    dot = fma(g, xhat, dot);
    store(fma(up, xhat, load(dw + c, part)), dw + c, part);
    store(load(db + c, part) + up, db + c, part);
  });
  const Lanes<C> mean_g = sum.sum() / static_cast<C>(columns),
                 mean_dot = dot.sum() / static_cast<C>(columns);
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> xhat = (load(x + c, part) - shift) * scale;
    const Lanes<C> g = load(dy + c, part) * load(w + c, part) - mean_g - xhat * mean_dot;
    give(c, part, scale * g);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
