// Tokens of a map to rows of a plane and back, and turned.
#include "core/cpu/simd.h"

#if defined(VICINITY_CORE_CPU_NEIGHBORHOOD_TOKENS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VICINITY_CORE_CPU_NEIGHBORHOOD_TOKENS_H
#undef VICINITY_CORE_CPU_NEIGHBORHOOD_TOKENS_H
#else
#define VICINITY_CORE_CPU_NEIGHBORHOOD_TOKENS_H
#endif

#include "core/cpu/neighborhood_plane.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// Calls copy(in the map, in the plane, numbers) for each token. Most heads fill two vectors, for
// which no loop is left.
template <class C, class T, class P, class Copy>
HWY_INLINE void for_tokens(const MapRow& row, T* map, P* plane, const Copy& copy) {
  constexpr int64_t kTwo = 2 * Lanes<C>::kCount;
  for (int64_t y = 0; y < row.rows; ++y) {
    T* token = map + y * row.row_stride;
    for (int64_t x = 0; x < row.cols; ++x, token += row.col_stride, plane += row.width) {
      if (row.dim == kTwo) {
        copy(token, plane, kTwo);
      } else {
        copy(token, plane, row.dim);
      }
    }
  }
}

/// plane [column][width] = the tokens of the map.
template <class T, class C>
void load_tokens(const MapRow& row, const T* map, C* plane) {
  const auto copy = [](const T* from, C* to, int64_t dim) __attribute__((always_inline)) {
    for_lanes<C>(dim, [&](int64_t t, auto part) { store(load(from + t, part), to + t, part); });
  };
  for_tokens<C>(row, map, plane, copy);
}

/// The reverse. Fetches where the tokens of the next row go, two lines of the cache each: they lie
/// too far apart for the hardware to see a pattern.
template <class T, class C>
void store_tokens(const MapRow& row, const C* plane, T* map) {
  const auto copy = [&](T * to, const C* from, int64_t dim) __attribute__((always_inline)) {
    __builtin_prefetch(to + row.ahead);
    __builtin_prefetch(to + row.ahead + 64 / sizeof(T));
    for_lanes<C>(dim, [&](int64_t t, auto part) { store(load(from + t, part), to + t, part); });
  };
  for_tokens<C>(row, map, plane, copy);
}

/// Part of a plane turned, tokens side by side: out[t * pitch + i] = in[i * width + t], for a whole
/// number of 16-byte squares.
template <class C>
void turn_tokens(const C* in, int64_t tokens, int64_t dim, int64_t width, int64_t pitch, C* out) {
  constexpr int64_t kSide = 16 / sizeof(C);
  const hn::FixedTag<C, kSide> d;
  const hn::FixedTag<double, 2> pairs;
  for (int64_t i = 0; i < tokens; i += kSide) {
    for (int64_t t = 0; t < dim; t += kSide) {
      const C* from = in + i * width + t;
      C* to = out + t * pitch + i;
      const auto a = hn::Load(d, from), b = hn::Load(d, from + width);
      if constexpr (kSide == 2) {
        hn::Store(hn::InterleaveLower(d, a, b), d, to);
        hn::Store(hn::InterleaveUpper(d, a, b), d, to + pitch);
      } else {
        const auto c = hn::Load(d, from + 2 * width), e = hn::Load(d, from + 3 * width);
        const auto ab = hn::BitCast(pairs, hn::InterleaveLower(d, a, b)),
                   ce = hn::BitCast(pairs, hn::InterleaveLower(d, c, e)),
                   ab2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b)),
                   ce2 = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
        hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)), d, to);
        hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce)), d, to + pitch);
        hn::Store(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ce2)), d, to + 2 * pitch);
        hn::Store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ce2)), d, to + 3 * pitch);
      }
    }
  }
}

/// Row y of kt from k, of vt from v.
template <class C>
void turn_row(const Plane<C>& p, int64_t y, const C* plain, C* across) {
  turn_tokens(plain + y * p.cols * p.width, p.cols, p.dim, p.width, p.across_pitch,
              across + y * p.width * p.across_pitch);
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
