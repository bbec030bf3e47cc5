// Scores and probabilities of 16 queries, for the sliding-window kernels whose rows are queries and
// whose windows are at most 7: those of 4 x 4 queries unite to (K + 3) x (K + 3) keys at most, few
// enough to keep all scores in registers.
//
// The pitch of the halo is 16 more than the width of a window, so that key n of a window lies 16
// (n / width) rows behind first + n: its place among eight rows, which decides its banks, is that
// of first + n.
#pragma once

#include "core/cuda/neighborhood_sliding_tile.cuh"
#include "core/cuda/online_softmax.cuh"

namespace vicinity::kernels::sliding {

constexpr int kTile = NarrowSides::height;
constexpr int kSlidingWarps = NarrowSides::warps();
constexpr int kSlidingThreads = NarrowSides::kMostThreads;
constexpr int kSubTiles = NarrowSides::most_sub_tiles();

template <int K>
struct SlidingWindow {
  static constexpr int kWidth = kSide + K - 1;  // keys of 4 x 4 queries along an axis
  static constexpr int kKeys = kWidth * kWidth;
  static constexpr int kTiles = (kKeys + 7) / 8;  // of 8 keys
  static constexpr int kSteps = (kTiles + 1) / 2;
  static constexpr int kHalo = kTile + K - 1;
  static constexpr int kPitch = kWidth + kTile;
  static constexpr int kHaloRows = kHalo * kPitch;
  static constexpr int kBiasSide = 2 * K - 1;
  static constexpr int kBins = kBiasSide * kBiasSide;
  static constexpr int kBiasPitch = 2 * K + 2;  // offsets that 4 x 4 queries reach, seen or not
  static constexpr int kBiasSize = (2 * K + 3) * kBiasPitch;
  static constexpr int kMasks = kSide * kSide * 4;

  /// Window rows between the first key and key `first` + n: `first` is known to the compiler, the
  /// lane's n < 16 meets few limits.
  DEV_FN static constexpr int rows_down(int first, int n) {
    const int col = first % kWidth;
    return first / kWidth + (n >= kWidth - col) + (n >= 2 * kWidth - col) + (n >= 3 * kWidth - col);
  }
  /// Elements between the first key of a window and key `first` + n, less n rows; past the window's
  /// end those of a key that is there.
  DEV_FN static constexpr int step(int first, int n) {
    if (first + n >= kKeys) return step_inside(first - 16, n);
    return step_inside(first, n);
  }
  DEV_FN static constexpr int step_inside(int first, int n) {
    return (first + kTile * rows_down(first, n)) * kHeadDim;
  }
};

/// Which of a lane's keys its query sees: bit 2 n + e for the keys 8 n + 2 t + e, by the place of
/// the query's own window in that of the sub-tile and by t = lane % 4.
template <int K>
DEV_FN void fill_masks(uint32_t* masks) {
  using Window = SlidingWindow<K>;
  for (int i = dev::thread(); i < Window::kMasks; i += dev::block_size()) {
    const int row = i / 16, col = i / 4 % 4, t = i % 4;
    uint32_t mask = 0;
    for (int bit = 0; bit < 2 * Window::kTiles; ++bit) {
      const int key = bit / 2 * 8 + 2 * t + bit % 2;
      const int r = key / Window::kWidth - row, c = key % Window::kWidth - col;
      if (r >= 0 && r < K && c >= 0 && c < K) mask |= 1u << bit;
    }
    masks[i] = mask;
  }
}

/// The head's bias times log2 e, zeros where there is none.
template <int K>
DEV_FN void fill_bias(const float* rpb, int head, float* bias) {
  using Window = SlidingWindow<K>;
  for (int i = dev::thread(); i < Window::kBiasSize; i += dev::block_size()) {
    const int r = i / Window::kBiasPitch, c = i % Window::kBiasPitch;
    const bool there = rpb != nullptr && r < Window::kBiasSide && c < Window::kBiasSide;
    bias[i] = there ? rpb[head * Window::kBins + r * Window::kBiasSide + c] * kLog2E : 0.0f;
  }
}

/// The keys that the queries of a tile see, as a halo.
template <int K>
DEV_FN HaloArea key_halo(const SlidingTile<NarrowSides>& tile) {
  const int rows = tile.group.rows, cols = tile.group.cols;
  return {window_start(tile.row, rows, K),
          window_start(tile.col, cols, K),
          SlidingWindow<K>::kHalo,
          SlidingWindow<K>::kHalo,
          window_start(tile.last_row(), rows, K) + K,
          window_start(tile.last_col(), cols, K) + K,
          SlidingWindow<K>::kPitch};
}

/// A sub-tile's window in the halo, and what the lane's two queries see of it.
template <int K>
struct QueryWindow {
  using Window = SlidingWindow<K>;
  uint32_t mask[2];  // see fill_masks
  int bias[2];       // of the lane's first key
  // Bytes from the halo to the lane's part of the first keys: of 8, for lanes whose key lies in the
  // same window row or, from lane % 8 = 2, 4, 6 on, in the next; of 16, low and high channels.
  int tile_bytes[4], pair_bytes[2];

  DEV_FN QueryWindow(const SlidingTile<NarrowSides>& tile, const SubTile& sub, const HaloArea& halo,
                     const uint32_t* masks) {
    const DilationGroup& group = tile.group;
    const int top = window_start(sub.row, group.rows, K),
              left = window_start(sub.col, group.cols, K);
    const int corner = (top - halo.row) * Window::kPitch + left - halo.col;
    const int lane = dev::opaque(dev::lane()), bytes = sizeof(bf16);
    DEV_UNROLL
    for (int i = 0; i < 4; ++i) {
      const int next = i > 0 && lane % 8 >= 2 * i ? kTile * kHeadDim : 0;
      tile_bytes[i] = dev::opaque((swizzled(corner + lane % 8, lane / 8) + next) * bytes);
    }
    DEV_UNROLL
    for (int i = 0; i < 2; ++i) {
      pair_bytes[i] = dev::opaque(swizzled(corner + lane % 16, lane / 16 + 2 * i) * bytes);
    }
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const int lane = dev::opaque(dev::lane());
      // A query outside the group does as the last one inside; nobody stores its results.
      const int row = dev::min(sub.row_of(lane / 4 + 8 * x), group.rows - 1),
                col = dev::min(sub.col_of(lane / 4 + 8 * x), group.cols - 1);
      const int down = window_start(row, group.rows, K) - top,
                right = window_start(col, group.cols, K) - left;
      mask[x] = masks[(down * kSide + right) * 4 + lane % 4];
      bias[x] =
          dev::opaque((top - row + K - 1) * Window::kBiasPitch + left - col + K - 1 + lane % 4 * 2);
    }
  }
  /// The lane's address for multiply_transposed() of the keys 8 n to 8 n + 7.
  DEV_FN const void* tile(const bf16* halo, int n) const {
    const auto* from = reinterpret_cast<const char*>(halo);
    const int limit = Window::kWidth - 8 * n % Window::kWidth, bytes = sizeof(bf16);
    if (8 * n + 8 > Window::kKeys) {
      return from + Window::step(8 * n, dev::opaque(dev::lane()) % 8) * bytes + tile_bytes[0];
    }
    const int first = dev::opaque(tile_bytes[limit < 8 ? limit / 2 : 0]);
    return from + Window::step(8 * n, 0) * bytes + first;
  }
  /// The same for add_product() of the keys 16 j to 16 j + 15: low and high channels.
  DEV_FN Pair pair(const bf16* halo, int j) const {
    const int step = Window::step(16 * j, dev::opaque(dev::lane()) % 16);
    const auto* from = reinterpret_cast<const char*>(halo + step);
    return {from + pair_bytes[0], from + pair_bytes[1]};
  }
};

/// The probabilities of the lane's two queries before division by `sum`; top: their largest score.
/// Both in powers of 2.
template <int K>
DEV_FN void window_softmax(float (&p)[2 * SlidingWindow<K>::kSteps][4],
                           const QueryWindow<K>& window, const uint32_t (&q)[2][4],
                           const bf16* keys, const float* bias, float (&top)[2], float (&sum)[2]) {
  using Window = SlidingWindow<K>;
  top[0] = top[1] = -INFINITY;
  DEV_UNROLL
  for (int n = 0; n < Window::kTiles; ++n) {
    multiply_transposed(p[n], q, window.tile(keys, n));
  }
  DEV_UNROLL
  for (int n = 0; n < Window::kTiles; ++n) {
    fence_loads();
    const int t = dev::lane() % 4;
    const int offset =
        8 * n + Window::rows_down(8 * n, 2 * t) * (Window::kBiasPitch - Window::kWidth);
    DEV_UNROLL
    for (int e = 0; e < 4; ++e) {
      const int x = e / 2;
      const float score = dev::fma(p[n][e], kScoreScale, bias[window.bias[x] + offset + e % 2]);
      p[n][e] = window.mask[x] >> (2 * n + e % 2) & 1 ? score : -INFINITY;
      top[x] = dev::max(top[x], p[n][e]);
    }
  }
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) {
    top[x] = quad_max(top[x]);
    sum[x] = 0;
  }
  DEV_UNROLL
  for (int n = 0; n < 2 * Window::kSteps; ++n) {
    DEV_UNROLL
    for (int e = 0; e < 4; ++e) {
      p[n][e] = n < Window::kTiles ? dev::exp2_fast(p[n][e] - top[e / 2]) : 0.0f;
      sum[e / 2] += p[n][e];
    }
  }
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) sum[x] = quad_sum(sum[x]);
}

}  // namespace vicinity::kernels::sliding
