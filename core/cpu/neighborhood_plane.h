// One dilation group of one image and head as contiguous planes: what removes the dilation from the
// arithmetic.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace vicinity::kernels {

/// Rows of 16 numbers or more then begin with a cache line, and no load of them touches two.
template <class C>
struct CacheLineAllocator {
  using value_type = C;
  C* allocate(size_t n) {
    return static_cast<C*>(::operator new (n * sizeof(C), std::align_val_t{64}));
  }
  void deallocate(C* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const CacheLineAllocator&) const = default;
};
template <class C>
using CacheLineVector = std::vector<C, CacheLineAllocator<C>>;

/// Numbers that fill a cache line, which is a whole number of vectors on every CPU.
template <class C>
inline constexpr int64_t kLine = 64 / sizeof(C);

template <class C>
int64_t whole_lines(int64_t count) {
  return (count + kLine<C> - 1) / kLine<C> * kLine<C>;
}

/// Queries that are worked on together.
inline constexpr int kMostQueries = 8;

/// From one query's numbers for its neighbours, row by row, to the next query's: whole vectors are
/// stored from each row's begin on.
template <class C>
int64_t window_pitch(int64_t kernel) {
  return whole_lines<C>((kernel - 1) * kernel + whole_lines<C>(kernel));
}

/// Tokens [rows, cols] of a map that will be wanted soon, on their way from one to the next.
struct Ahead {
  const char* token = nullptr;
  int64_t rows = 0, cols = 0;
  int64_t row_bytes = 0, col_bytes = 0;
  int64_t x = 0;

  /// Fetches the next `count` of them, two lines each, into the cache. They lie too far apart for
  /// the hardware to see a pattern, and if all were asked for at once, the last would wait for the
  /// first. Always inlined: g++ takes a function that does nothing but this for one that does
  /// nothing.
  __attribute__((always_inline)) void fetch(int64_t count) {
    while (count > 0 && rows > 0) {
      const int64_t run = std::min(count, cols - x);
      for (int64_t i = 0; i < run; ++i, token += col_bytes) {
        __builtin_prefetch(token);
        __builtin_prefetch(token + 64);
      }
      count -= run, x += run;
      if (x < cols) return;
      token += row_bytes - cols * col_bytes;
      x = 0, --rows;
    }
  }
};

/// Where the tokens of a plane's row lie in a map, numbers from one to the next.
struct MapRow {
  int64_t rows, cols;  // of the map
  int64_t row_stride, col_stride;
  int64_t ahead;       // to what will be wanted next
  int64_t dim, width;  // numbers of a token; room for them in the plane
};

/// C: float or double. A group as small as the window counts as one row of K * K tokens that all
/// see each other: its neighbours lie side by side then, and fill the vectors.
template <class C>
struct Plane {
  int64_t rows, cols, window_rows, window_cols;
  int64_t dim, width;    // of a head; numbers from one token to the next
  int64_t across_pitch;  // from one number of a token to the next where tokens lie side by side
  int64_t score_pitch;   // from one query's scores to the next one's
  CacheLineVector<C> k, v, dk, dv;      // [row][column][width]
  CacheLineVector<C> kt, vt;            // [row][width][column]: the same across
  CacheLineVector<C> q, dout, out, dq;  // [column][width]: a row of queries
  CacheLineVector<C> p, ds;             // [query][score_pitch]: of a group of them

  std::array<Ahead, 4> ahead;  // fetched while a row of queries is worked on

  C* row(CacheLineVector<C>& plane, int64_t y) const { return plane.data() + y * cols * width; }

  void resize(int64_t group_rows, int64_t group_cols, int64_t kernel, int64_t head_dim) {
    const bool one_window = group_rows == kernel && group_cols == kernel;
    rows = one_window ? 1 : group_rows, window_rows = one_window ? 1 : kernel;
    window_cols = one_window ? kernel * kernel : kernel;
    cols = one_window ? window_cols : group_cols;
    dim = head_dim, width = whole_lines<C>((head_dim + 1) / 2) * 2;
    // An odd number of lines: columns of a token then spread over all sets of the first cache.
    across_pitch =
        (whole_lines<C>(cols - window_cols + whole_lines<C>(window_cols)) / kLine<C> | 1) *
        kLine<C>;
    score_pitch = window_pitch<C>(kernel);
    // Tokens are turned by fours, the last ones with what lies behind them.
    const auto plain = static_cast<size_t>((rows * cols + 3) * width);
    for (CacheLineVector<C>* all : {&k, &v, &dk, &dv}) all->resize(plain);
    for (CacheLineVector<C>* all : {&kt, &vt})
      all->resize(static_cast<size_t>(rows * width * across_pitch + whole_lines<C>(window_cols)));
    for (CacheLineVector<C>* row : {&q, &dout, &out, &dq})
      row->resize(static_cast<size_t>(cols * width));
    for (CacheLineVector<C>* all : {&p, &ds})
      all->resize(static_cast<size_t>(kMostQueries * score_pitch));
  }
};

}  // namespace vicinity::kernels
