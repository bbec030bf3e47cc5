// Softmax over the neighbours of a few queries. Step by step for all queries: each step waits for
// the one before it, but not for the other queries.
#include "core/cpu/simd_math.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_SOFTMAX_H
#endif

#include <limits>

#include "core/cpu/neighborhood_queries.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// s = softmax(scale * s + bias) per query, both given times log2(e); a query's bias is the row of
/// its position in its window. Only whole vectors move: numbers behind the last neighbour's become
/// 0.
template <class C>
void softmax(const Plane<C>& p, const QueryGroup& at, C scale, const C* bias, C* s) {
  constexpr int64_t kStep = Lanes<C>::kCount;
  const int64_t count = p.window_rows * p.window_cols, last = (count - 1) / kStep * kStep;
  const Lanes<C> nothing = -std::numeric_limits<C>::infinity();
  const Some rest{count - last};
  C number[kMostQueries];
  for (int64_t i = 0; i < at.count; ++i) {
    C* row = s + i * p.score_pitch;
    const C* own = bias + at.position[i] * p.score_pitch;
    Lanes<C> most = nothing;
    for (int64_t j = 0; j <= last; j += kStep) {
      const Lanes<C> all = fma(load(row + j, Whole{}), scale, load(own + j, Whole{}));
      const Lanes<C> x = j < last ? all : keep(all, rest, nothing);
      store(x, row + j, Whole{});
      most = max(most, x);
    }
    number[i] = most.most();
  }
  for (int64_t i = 0; i < at.count; ++i) {
    C* row = s + i * p.score_pitch;
    const Lanes<C> most = number[i];
    Lanes<C> sum;
    for (int64_t j = 0; j <= last; j += kStep) {
      const Lanes<C> e = exp2(load(row + j, Whole{}) - most);
      store(e, row + j, Whole{});
      sum += e;
    }
    number[i] = 1 / sum.sum();
  }
  for (int64_t i = 0; i < at.count; ++i) {
    C* row = s + i * p.score_pitch;
    const Lanes<C> inverse = number[i];
    for (int64_t j = 0; j <= last; j += kStep)
      store(load(row + j, Whole{}) * inverse, row + j, Whole{});
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
