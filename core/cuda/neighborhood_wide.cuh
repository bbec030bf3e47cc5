// What the kernels of windows of 9, 11 and 13 share whose rows are queries. The windows of a warp's
// 4 x 4 queries unite to 12 x 12 to 16 x 16 keys, more scores than registers hold: they are taken a
// row of 16 columns at a time, one inner step of a product, softmax on the fly. Keys of a row that
// no query sees are masked; where the halo ends sooner, the 16 columns begin sooner.
//
// A group of up to 12 x 12 tokens, the dilation groups that are hardly larger than their window, is
// one tile: its block reads each of its tokens once.
#pragma once

#include <algorithm>

#include "core/cuda/neighborhood_sliding_tile.cuh"
#include "core/cuda/online_softmax.cuh"

namespace vicinity::kernels::sliding {

constexpr int kColumns = 16;  // of a row of keys

template <class F>
void for_wide_kernel(int64_t kernel, F&& f) {
  if (kernel == 9) return f.template operator()<9>();
  if (kernel == 11) return f.template operator()<11>();
  VIC_ASSERT(kernel == 13, "wide windows of ", kernel);
  f.template operator()<13>();
}

/// The side of tiles along an axis: tiles as equal as sub-tiles allow.
inline int wide_side(int tokens, int dilation) {
  const int sub_tiles = dev::ceil_div(group_length(tokens, 0, dilation), kSide);
  return dev::ceil_div(sub_tiles, dev::ceil_div(sub_tiles, WideSides::kMostAlong)) * kSide;
}

/// The largest tiles up to those whose blocks ask for no more than `limit` bytes of shared memory;
/// the smallest where none do.
template <class Bytes>
WideSides wide_sides(const WindowSizes& s, size_t limit, const Bytes& bytes_of) {
  WideSides sides{wide_side(s.height, s.dilation), wide_side(s.width, s.dilation)};
  while (bytes_of(sides) > limit && sides.warps() > 1) {
    (sides.height < sides.width ? sides.width : sides.height) -= kSide;
  }
  return sides;
}

/// How a shape is cut: tiles, and the halo of keys in shared memory. Its rows are even, its pitch a
/// multiple of 4: keys two rows apart lie in the same banks.
struct WideCut {
  WideSides sides;
  int halo_rows, pitch;
};
inline WideCut wide_cut(const WindowSizes& s, const WideSides& sides) {
  const int rows = std::min(group_length(s.height, 0, s.dilation), sides.height + s.kernel - 1);
  const int cols = std::min(group_length(s.width, 0, s.dilation), sides.width + s.kernel - 1);
  return {sides, dev::ceil_div(rows, 2) * 2, std::max(kColumns, dev::ceil_div(cols, 4) * 4)};
}

/// The bias by offset. Cells that queries meet and do not see follow and precede it.
template <int K>
struct WideBias {
  static constexpr int kSide = 2 * K - 1;
  static constexpr int kBins = kSide * kSide;
  static constexpr int kPitch = K == 13 ? 42 : kSide;  // two rows of queries meet different banks
  static constexpr int kSize = (2 * K + 3) * kPitch + 8;

  /// In units of q . k before the scale; zeros without one.
  DEV_FN static void fill(const float* rpb, int head, float* table, int threads) {
    for (int i = dev::thread(); i < kSize; i += threads) {
      const int r = i / kPitch, c = i % kPitch;
      const bool there = rpb != nullptr && r < kSide && c < kSide;
      table[i] = there ? rpb[head * kBins + r * kSide + c] * (1 / kDotScale) : 0.0f;
    }
  }
};

/// The keys that the queries of a tile see, and zeros around them.
template <int K>
DEV_FN HaloArea wide_halo(const SlidingTile<WideSides>& tile, const WideCut& cut) {
  const int rows = tile.group.rows, cols = tile.group.cols;
  return {window_start(tile.row, rows, K),
          window_start(tile.col, cols, K),
          cut.halo_rows,
          cut.pitch,
          window_start(tile.last_row(), rows, K) + K,
          window_start(tile.last_col(), cols, K) + K,
          cut.pitch};
}

/// The rows of keys of a sub-tile, in pairs, and what the lane's two queries see of them.
template <int K>
struct WideWindow {
  int pairs;              // of rows
  int row, col;           // of the first key
  int first_row[2];       // that the query sees, counted from `row`
  uint32_t columns[2];    // that the query sees: bit 2 n + e for column 8 n + 2 t + e
  int bias[2];            // of the lane's first key
  int tile_at[2], at[2];  // elements from the halo to the lane's part of an even and an odd row
  int pair_step;          // elements

  DEV_FN WideWindow(const SlidingTile<WideSides>& tile, const SubTile& sub, const HaloArea& halo) {
    const DilationGroup& group = tile.group;
    const int last_row = dev::min(sub.row + kSide, group.rows) - 1;
    const int top = window_start(sub.row, group.rows, K),
              left = window_start(sub.col, group.cols, K);
    pairs = dev::ceil_div(window_start(last_row, group.rows, K) + K - top, 2);
    row = dev::min(top, halo.row + halo.rows - 2 * pairs);
    col = dev::min(left, halo.col + halo.cols - kColumns);
    const int corner = (row - halo.row) * halo.pitch + col - halo.col, lane = dev::lane();
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const int first = corner + x * halo.pitch;
      tile_at[x] = swizzled(first + lane % 8, lane / 8);
      at[x] = swizzled(first + lane % 16, lane / 16);
      // A query outside the group does as the last one inside; nobody stores its results.
      const int query_row = dev::min(sub.row_of(lane / 4 + 8 * x), group.rows - 1),
                query_col = dev::min(sub.col_of(lane / 4 + 8 * x), group.cols - 1);
      const uint32_t seen = ((1u << K) - 1) << (window_start(query_col, group.cols, K) - col);
      first_row[x] = window_start(query_row, group.rows, K) - row;
      columns[x] = (seen >> lane % 4 * 2 & 3) | (seen >> (8 + lane % 4 * 2) & 3) << 2;
      bias[x] =
          (row - query_row + K - 1) * WideBias<K>::kPitch + col - query_col + K - 1 + lane % 4 * 2;
    }
    pair_step = 2 * halo.pitch * kHeadDim;
  }
  /// The lane's address for add_transposed() of columns 8 n to 8 n + 7 of row 2 pair + odd.
  DEV_FN const bf16* tile(const bf16* halo, int pair, int odd, int n) const {
    return halo + tile_at[odd] + pair * pair_step + n * 8 * kHeadDim;
  }
  /// The same for add_product() of the whole row. Chunks c and c + 2 of a row lie 2 chunks apart,
  /// one way or the other.
  DEV_FN Pair product(const bf16* halo, int pair, int odd) const {
    const int low = at[odd] + pair * pair_step;
    return {halo + low, halo + (low ^ 16)};
  }
  /// s = q . k and bias, -inf where a query does not see the key.
  DEV_FN void scores(float (&s)[2][4], const uint32_t (&q)[2][4], const bf16* keys,
                     const float* table, int pair, int odd) const {
    const int from = 2 * pair + odd;
    DEV_UNROLL
    for (int n = 0; n < 2; ++n) {
      DEV_UNROLL
      for (int e = 0; e < 4; ++e) {
        s[n][e] = table[bias[e / 2] + from * WideBias<K>::kPitch + 8 * n + e % 2];
      }
      add_transposed(s[n], q, tile(keys, pair, odd, n));
    }
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const bool of_row = static_cast<unsigned>(from - first_row[x]) < K;
      const uint32_t seen = of_row ? columns[x] : 0;
      DEV_UNROLL
      for (int i = 0; i < 4; ++i) {
        float& score = s[i / 2][2 * x + i % 2];
        score = (seen >> i & 1) != 0 ? score : -INFINITY;
      }
    }
  }
};

/// Shared memory of a block. rows: `kinds` of each sub-tile, 16 rows each.
struct WideShared {
  static constexpr int kTileSpace = 128 / sizeof(bf16);
  SlidingTile<WideSides>* tile;  // waits here: registers are for scores
  bf16 *keys, *values, *rows;
  float* bias;

  DEV_FN WideShared(bf16* memory, const WideCut& cut, int kinds)
      : tile(reinterpret_cast<SlidingTile<WideSides>*>(memory)),
        keys(memory + kTileSpace),
        values(keys + cut.halo_rows * cut.pitch * kHeadDim),
        rows(values + cut.halo_rows * cut.pitch * kHeadDim),
        bias(reinterpret_cast<float*>(rows + cut.sides.warps() * kinds * kRows * kHeadDim)) {}
  static size_t bytes(const WideCut& cut, int kinds, int bias_size) {
    const int rows = 2 * cut.halo_rows * cut.pitch + cut.sides.warps() * kinds * kRows;
    return static_cast<size_t>(kTileSpace + rows * kHeadDim) * sizeof(bf16) +
           static_cast<size_t>(bias_size) * sizeof(float);
  }
};
static_assert(sizeof(SlidingTile<WideSides>) <= WideShared::kTileSpace * sizeof(bf16));

}  // namespace vicinity::kernels::sliding
