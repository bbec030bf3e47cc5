// Scores of a few queries of a plane for their neighbours, sums in registers.
#include "core/cpu/neighborhood_sharing.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_SCORES_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_SCORES_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_SCORES_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_SCORES_H
#endif

#include <array>

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// A vector of neighbours: the part-th of the a-th row of the windows.
struct KeyVector {
  int64_t a, part;
};

// The lanes of x from `shift` on, to `to`. Behind them comes what does not belong there: the next
// vector of the query overwrites it, or it lies between two queries' scores.
template <class C>
HWY_INLINE void store_from(Lanes<C> x, int64_t shift, C* to) {
  constexpr int64_t kLanes = Lanes<C>::kCount;
  using Index = hwy::MakeSigned<C>;
  static constexpr auto kTurns = [] {
    std::array<Index, 2 * kLanes> turns{};
    for (int64_t i = 0; i < 2 * kLanes; ++i) turns[i] = static_cast<Index>(i % kLanes);
    return turns;
  }();
  const typename Lanes<C>::Tag d;
  const auto turn = hn::SetTableIndices(d, kTurns.data() + shift);
  store(Lanes<C>(hn::TableLookupLanes(x.v, turn)), to, Whole{});
}

// Scores of Q queries for R vectors of neighbours.
template <int Q, int R, class C>
HWY_NOINLINE void score_tile(const Plane<C>& p, const QueryGroup& at, const C* plain,
                             const C* across, const KeyVector* vectors, C* s) {
  constexpr int64_t kLanes = Lanes<C>::kCount;
  const C* query = plain + at.x * p.width;
  const C* key[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    key[r] = across + (at.y0 + vectors[r].a) * p.width * p.across_pitch + at.x0 +
             vectors[r].part * kLanes;
  }
  Lanes<C> sum[Q][R];
  for (int64_t t = 0; t < p.dim; ++t) {
    Lanes<C> column[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) column[r] = load_once(key[r] + t * p.across_pitch);
#pragma GCC unroll 16
    for (int i = 0; i < Q; ++i) {
      const Lanes<C> q = query[i * p.width + t];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[i][r] = fma(q, column[r], sum[i][r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    C* to = s + vectors[r].a * p.window_cols + vectors[r].part * kLanes;
#pragma GCC unroll 16
    for (int i = 0; i < Q; ++i) {
      if (vectors[r].part == 0) {
        store_from(sum[i][r], at.shift[i], to + i * p.score_pitch);
      } else {
        store(sum[i][r], to + i * p.score_pitch - at.shift[i], Whole{});
      }
    }
  }
}

// Scores of queries whose windows' rows lie in the same vectors, `parts` of them.
template <class C>
void close_scores(const Plane<C>& p, const QueryGroup& at, int64_t parts, const C* plain,
                  const C* across, C* s) {
  const int64_t count = p.window_rows * parts;
  with_count<Sharing<C>::kGroup>(at.count, [&]<int Q>() {
    // A tile takes R vectors, Q R sums and a broadcast.
    constexpr int kMost = std::min(4, (Sharing<C>::kRegisters - 1) / (Q + 1));
    KeyVector vectors[kMost], next{0, 0};
    for (int64_t v = 0; v < count;) {
      // Two tiles of nearly the same size rather than a whole one and a single vector.
      const int64_t size =
          count - v == kMost + 1 ? (kMost + 1) / 2 : std::min<int64_t>(kMost, count - v);
      for (int64_t r = 0; r < size; ++r) {
        vectors[r] = next;
        if (++next.part == parts) next = {next.a + 1, 0};
      }
      with_count<kMost>(size, [&]<int R>() { score_tile<Q, R>(p, at, plain, across, vectors, s); });
      v += size;
    }
  });
}

/// s[i][j] = <query i's row of `plain`, its j-th neighbour's of `across`>. Each number of a token
/// is one vector of neighbours for all queries and one broadcast per query; no horizontal sums.
template <class C>
void scores(const Plane<C>& p, const QueryGroup& at, const C* plain, const C* across, C* s) {
  const int64_t parts = (p.window_cols + Lanes<C>::kCount - 1) / Lanes<C>::kCount;
  const int64_t spare = spare_columns(p, Lanes<C>::kCount);
  for_close_queries(at, spare, [&](const QueryGroup& close, int64_t first) {
    close_scores(p, close, parts, plain, across, s + first * p.score_pitch);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
