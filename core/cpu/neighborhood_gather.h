// Sums over the neighbours of a few queries of a plane, and back to the neighbours, in registers.
#include "core/cpu/neighborhood_sharing.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_GATHER_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_GATHER_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_GATHER_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_GATHER_H
#endif

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// A group of queries with weights for their neighbours.
template <class C>
struct Weighted {
  const Plane<C>& plane;
  const QueryGroup& at;
  const C* weights;

  // Of query i for column c of the a-th row of the group's windows.
  const C* weights_of(int64_t i, int64_t a) const {
    return weights + i * plane.score_pitch + a * plane.window_cols - at.shift[i];
  }
  int64_t query(int64_t i) const { return (at.x + i) * plane.width; }
  int64_t neighbour(int64_t a) const { return ((at.y0 + a) * plane.cols + at.x0) * plane.width; }
};

// Calls columns<First, Last>(begin, end): the columns in which queries First ... Last of Q have
// neighbours, and no others. No window may begin behind the end of the first.
template <int Q, int kPart = 0, class Columns>
HWY_INLINE void for_columns(const int64_t* shift, int64_t window_cols, const Columns& columns) {
  constexpr int kFirst = std::max(0, kPart - Q + 1), kLast = std::min(kPart, Q - 1);
  const int64_t begin = kPart < Q ? shift[kLast] : shift[kFirst - 1] + window_cols;
  const int64_t end = kPart < Q - 1 ? shift[kLast + 1] : shift[kFirst] + window_cols;
  columns.template operator()<kFirst, kLast>(begin, end);
  if constexpr (kPart < 2 * Q - 2) for_columns<Q, kPart + 1>(shift, window_cols, columns);
}

// Not inlined, nor are the likes of it: g++ takes more than twice as long for twice the code.
template <int Q, class C>
HWY_NOINLINE void gather_strip(const Weighted<C>& w, const C* plain, C* to) {
  constexpr int64_t kLanes = Lanes<C>::kCount;
  const int64_t width = w.plane.width;
  Lanes<C> sum[Q][2];
  for (int64_t a = 0; a < w.plane.window_rows; ++a) {
    const C* row = plain + w.neighbour(a);
    const C* weight[Q];
#pragma GCC unroll 16
    for (int i = 0; i < Q; ++i) weight[i] = w.weights_of(i, a);
    const auto columns = [&]<int First, int Last>(int64_t begin, int64_t end)
        __attribute__((always_inline)) {
      for (int64_t c = begin; c < end; ++c) {
        const Lanes<C> left = load_once(row + c * width),
                       right = load_once(row + c * width + kLanes);
#pragma GCC unroll 16
        for (int i = First; i <= Last; ++i) {
          const Lanes<C> own = weight[i][c];
          sum[i][0] = fma(own, left, sum[i][0]);
          sum[i][1] = fma(own, right, sum[i][1]);
        }
      }
    };
    for_columns<Q>(w.at.shift, w.plane.window_cols, columns);
  }
#pragma GCC unroll 16
  for (int i = 0; i < Q; ++i) {
    store(sum[i][0], to + w.query(i), Whole{});
    store(sum[i][1], to + w.query(i) + kLanes, Whole{});
  }
}

template <int Q, class C>
HWY_NOINLINE void scatter_strip(const Weighted<C>& w, const C* plain, C* to) {
  constexpr int64_t kLanes = Lanes<C>::kCount;
  const int64_t width = w.plane.width;
  Lanes<C> value[Q][2];
#pragma GCC unroll 16
  for (int i = 0; i < Q; ++i) {
    value[i][0] = load(plain + w.query(i), Whole{});
    value[i][1] = load(plain + w.query(i) + kLanes, Whole{});
  }
  for (int64_t a = 0; a < w.plane.window_rows; ++a) {
    C* row = to + w.neighbour(a);
    const C* weight[Q];
#pragma GCC unroll 16
    for (int i = 0; i < Q; ++i) weight[i] = w.weights_of(i, a);
    const auto columns = [&]<int First, int Last>(int64_t begin, int64_t end)
        __attribute__((always_inline)) {
      for (int64_t c = begin; c < end; ++c) {
        C* token = row + c * width;
        Lanes<C> left = load(token, Whole{}), right = load(token + kLanes, Whole{});
#pragma GCC unroll 16
        for (int i = First; i <= Last; ++i) {
          const Lanes<C> own = weight[i][c];
          left = fma(own, value[i][0], left);
          right = fma(own, value[i][1], right);
        }
        store(left, token, Whole{});
        store(right, token + kLanes, Whole{});
      }
    };
    for_columns<Q>(w.at.shift, w.plane.window_cols, columns);
  }
}

// Calls strip<Q>(t) for the group's number of queries and for two vectors of a token at a time.
template <class C, class Strip>
HWY_INLINE void for_strips(const Plane<C>& p, const QueryGroup& at, Strip&& strip) {
  with_count<Sharing<C>::kGroup>(at.count, [&]<int Q>() {
    for (int64_t t = 0; t < p.width; t += 2 * Lanes<C>::kCount) strip.template operator()<Q>(t);
  });
}

/// Query i's row of `to` = sum over its neighbours j of weights[i][j] * plain[j].
template <class C>
void gather(const Plane<C>& p, const QueryGroup& at, const C* weights, const C* plain, C* to) {
  const Weighted<C> w{p, at, weights};
  for_strips(p, at, [&]<int Q>(int64_t t) { gather_strip<Q>(w, plain + t, to + t); });
}

/// to[j] += sum over the queries i of weights[i][j] * plain[i], j over i's neighbours.
template <class C>
void scatter(const Plane<C>& p, const QueryGroup& at, const C* weights, const C* plain, C* to) {
  const Weighted<C> w{p, at, weights};
  for_strips(p, at, [&]<int Q>(int64_t t) { scatter_strip<Q>(w, plain + t, to + t); });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
