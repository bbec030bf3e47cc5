// The order in which the queries of a plane are worked on, and which of them together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/cpu/neighborhood_plane.h"

namespace vicinity::kernels {

/// First member of the window of the g-th of `size` tokens.
inline int64_t window_start(int64_t g, int64_t size, int64_t kernel) {
  return std::clamp<int64_t>(g - kernel / 2, 0, size - kernel);
}

/// Queries next to each other: what is loaded for one of them serves all.
struct QueryGroup {
  int64_t x, count;                // the first one's column; how many
  int64_t y0, x0;                  // where the first one's window begins
  int64_t shift[kMostQueries];     // columns from x0 to each one's window
  int64_t position[kMostQueries];  // each one's number in its own window, row by row
};

/// How many columns of the vectors that hold a row of a window lie outside of it.
template <class C>
int64_t spare_columns(const Plane<C>& p, int64_t lanes) {
  return (lanes - p.window_cols % lanes) % lanes;
}

/// Calls work(QueryGroup) until every query of row y had its turn, in order; at most `most` of them
/// make a group.
template <class C, class Work>
void for_query_groups(const Plane<C>& p, int64_t y, int64_t lanes, int64_t most, Work&& work) {
  // The last one's window begins where the first one's ends, or before.
  most = std::min(most, p.window_cols + 1);
  // Whole parts of close queries (for_close_queries), unless all are close.
  const int64_t spare = spare_columns(p, lanes), close = spare + 1;
  if (close < most && p.cols > p.window_cols + spare) most = most / close * close;
  const int64_t groups = (p.cols + most - 1) / most;
  QueryGroup at;
  at.y0 = window_start(y, p.rows, p.window_rows);
  for (int64_t g = 0; g < groups; ++g) {
    at.x = g * p.cols / groups, at.count = (g + 1) * p.cols / groups - at.x;
    at.x0 = window_start(at.x, p.cols, p.window_cols);
    for (int64_t i = 0; i < at.count; ++i) {
      const int64_t x0 = window_start(at.x + i, p.cols, p.window_cols);
      at.shift[i] = x0 - at.x0;
      at.position[i] = (y - at.y0) * p.window_cols + at.x + i - x0;
    }
    work(at);
  }
}

/// Calls work(QueryGroup, first) for parts of a group, from its query `first` on, whose windows
/// begin at most `spare` columns apart.
template <class Work>
void for_close_queries(const QueryGroup& all, int64_t spare, Work&& work) {
  if (all.shift[all.count - 1] <= spare) return work(all, 0);
  for (int64_t first = 0, end; first < all.count; first = end) {
    QueryGroup at = all;
    at.x += first, at.x0 += all.shift[first];
    for (end = first; end < all.count && all.shift[end] - all.shift[first] <= spare; ++end) {
      at.shift[end - first] = all.shift[end] - all.shift[first];
      at.position[end - first] = all.position[end];
    }
    at.count = end - first;
    work(at, first);
  }
}

}  // namespace vicinity::kernels
