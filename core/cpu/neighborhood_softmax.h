// Softmax over the neighbours of a few queries. Step by step for all queries: each step waits for
// the one before it, but not for the other queries.
#include "core/cpu/softmax_rows.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#endif

#include "core/cpu/neighborhood_queries.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// s = softmax(scale * s + bias) per query; a query's bias is the row of its position in its
/// window.
template <class C>
void softmax(const Plane<C>& p, const QueryGroup& at, C scale, const C* bias, C* s) {
  const int64_t count = p.window_rows * p.window_cols;
  C number[kMostQueries];
  for (int64_t i = 0; i < at.count; ++i) {
    C* row = s + i * p.score_pitch;
    const C* own = bias + at.position[i] * p.score_pitch;
    Lanes<C> most = -std::numeric_limits<C>::infinity();
    for_lanes<C>(count, [&](int64_t j, auto part) {
      const Lanes<C> x = fma(load(row + j, part), scale, load(own + j, part));
      store(x, row + j, part);
      most = max(most, keep(x, part, most));
    });
    number[i] = most.most();
  }
  for (int64_t i = 0; i < at.count; ++i)
    number[i] = exponentials(s + i * p.score_pitch, count, number[i], C{1});
  for (int64_t i = 0; i < at.count; ++i) {
    C* row = s + i * p.score_pitch;
    const Lanes<C> inverse = 1 / number[i];
    for_lanes<C>(
        count, [&](int64_t j, auto part) { store(load(row + j, part) * inverse, row + j, part); });
  }
}

/// dS = P (dP - <P, dP>), added to the bias gradient, then times scale, in dp's place.
template <class C>
void softmax_backward(const Plane<C>& p, const QueryGroup& at, C scale, const C* probabilities,
                      C* dp, C* dbias) {
  const int64_t count = p.window_rows * p.window_cols;
  C dots[kMostQueries];
  for (int64_t i = 0; i < at.count; ++i) {
    const C *row = probabilities + i * p.score_pitch, *slope = dp + i * p.score_pitch;
    Lanes<C> dot;
    for_lanes<C>(count, [&](int64_t j, auto part) {
      dot = fma(load(row + j, part), load(slope + j, part), dot);
    });
    dots[i] = dot.sum();
  }
  for (int64_t i = 0; i < at.count; ++i) {
    const C* row = probabilities + i * p.score_pitch;
    C *slope = dp + i * p.score_pitch, *own = dbias + at.position[i] * p.score_pitch;
    const Lanes<C> dot = dots[i];
    for_lanes<C>(count, [&](int64_t j, auto part) {
      const Lanes<C> ds = load(row + j, part) * (load(slope + j, part) - dot);
      store(load(own + j, part) + ds, own + j, part);
      store(ds * scale, slope + j, part);
    });
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
