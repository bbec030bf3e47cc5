// The order in which the queries of a plane are worked on, and which of them together.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vicinity::kernels {

/// How a window of K columns lies in vectors of W lanes.
template <int K>
struct WindowLanes {
  static constexpr int W = K <= 4 ? 4 : K <= 8 ? 8 : 16;
  static constexpr int kSpare = W - K;
  static constexpr int kBiasPitch = 2 * W;  // kSpare columns before the table, enough after it
  static constexpr int kBiasSize = (2 * K - 1) * kBiasPitch + W;
};

/// First member of the window of the g-th of `size` tokens.
inline int64_t window_start(int64_t g, int64_t size, int64_t kernel) {
  return std::clamp<int64_t>(g - kernel / 2, 0, size - kernel);
}

/// Queries next to each other whose windows begin in one row and at most `WindowLanes::kSpare`
/// columns apart: what is loaded for one of them serves all.
template <int Q>
struct QueryGroup {
  int64_t query;      // number of the first in its plane
  int64_t y0, x0;     // where the first one's window begins
  int64_t corner[Q];  // where each one's bias window begins in the padded bias table
  int shift[Q];       // columns from x0 to each one's window
};

/// Makes the query at (y, x) the group's i-th; false if its window is too far from the first one's.
template <int K>
bool place(QueryGroup<2>& group, int i, int64_t y, int64_t x, int64_t rows, int64_t cols) {
  using Lanes = WindowLanes<K>;
  const int64_t y0 = window_start(y, rows, K), x0 = window_start(x, cols, K);
  group.shift[i] = static_cast<int>(x0 - group.x0);
  group.corner[i] = (y0 - y + K - 1) * Lanes::kBiasPitch + (x0 - x + K - 1) + Lanes::kSpare;
  return y0 == group.y0 && 0 <= group.shift[i] && group.shift[i] <= Lanes::kSpare;
}

/// Calls work(QueryGroup<2>) or work(QueryGroup<1>) until every query had its turn, in order.
template <int K, class Work>
void for_query_groups(int64_t rows, int64_t cols, Work&& work) {
  const int64_t count = rows * cols;
  int64_t y = 0, x = 0;  // of `query`
  const auto step = [&] {
    if (++x == cols) x = 0, ++y;
  };
  for (int64_t query = 0; query < count;) {
    QueryGroup<2> pair;
    pair.query = query, pair.y0 = window_start(y, rows, K), pair.x0 = window_start(x, cols, K);
    place<K>(pair, 0, y, x, rows, cols);
    step();
    if (++query < count && place<K>(pair, 1, y, x, rows, cols)) {
      work(pair);
      step();
      ++query;
    } else {
      work(QueryGroup<1>{pair.query, pair.y0, pair.x0, {pair.corner[0]}, {0}});
    }
  }
}

}  // namespace vicinity::kernels
