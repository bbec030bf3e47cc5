// Neighborhood attention of sliding windows, backward: dk and dv, gathered by key over the queries
// that see it.
//   bytes     reads q, k, v, dout and 8 bytes per query and head, writes dk and dv; from L2 q and
//             dout about as often as the forward reads k and v
//   numerics  f32; P and dS round to bf16 before dv and dk
// 4 x 4 keys are seen by up to 2 K x 2 K queries (at borders), taken 16 at a time: no more scores
// than that in registers. Shared memory is sized by the shape: of 16 x 16 keys and windows of 7 at
// most 25 x 25 queries.
#pragma once

#include <algorithm>

#include "core/cuda/neighborhood_sliding.cuh"
#include "core/cuda/neighborhood_sliding_tile.cuh"

namespace vicinity::kernels::sliding {

/// Shared memory of a block, for so many queries.
template <class Tile>
struct KeysShared {
  static constexpr int kTileSpace = 128 / sizeof(bf16);
  static_assert(sizeof(Tile) <= kTileSpace * sizeof(bf16));
  Tile* tile;                    // waits here: registers are for scores
  bf16 *queries, *douts, *rows;  // rows: of each sub-tile k, then v
  QueryStatistics* statistics;
  float* bias;

  DEV_FN KeysShared(bf16* memory, int count, int sub_tiles)
      : tile(reinterpret_cast<Tile*>(memory)),
        queries(memory + kTileSpace),
        douts(queries + count * kHeadDim),
        rows(douts + count * kHeadDim),
        statistics(reinterpret_cast<QueryStatistics*>(rows + sub_tiles * 2 * kRows * kHeadDim)),
        bias(reinterpret_cast<float*>(statistics + count)) {}
  static size_t bytes(int count, int sub_tiles, int bins) {
    return sizeof(bf16) * static_cast<size_t>(kTileSpace) +
           sizeof(bf16) * kHeadDim * static_cast<size_t>(2 * count + sub_tiles * 2 * kRows) +
           sizeof(QueryStatistics) * static_cast<size_t>(count) +
           sizeof(float) * static_cast<size_t>(bins);
  }
};

/// The queries that see the keys of a tile.
template <class Sides>
DEV_FN HaloArea query_halo(const SlidingTile<Sides>& tile, int kernel, int pitch) {
  const int row = first_query(tile.row, kernel), col = first_query(tile.col, kernel);
  const int row_end = end_query(tile.last_row(), tile.group.rows, kernel),
            col_end = end_query(tile.last_col(), tile.group.cols, kernel);
  return {row, col, row_end - row, col_end - col, row_end, col_end, pitch};
}

/// Most queries along an axis that the halo of a tile of `side` holds.
inline int longest_query_halo(int tokens, int dilation, int kernel, int side) {
  int longest = 0;
  for (const int phase : {0, dilation - 1}) {
    const int length = group_length(tokens, phase, dilation);
    for (int first = 0; first < length; first += side) {
      const int last = std::min(first + side, length) - 1;
      longest = std::max(longest, end_query(last, length, kernel) - first_query(first, kernel));
    }
  }
  return longest;
}

/// The queries that see a sub-tile's keys, counted row by row, and which of them the lane's two
/// keys are seen by.
template <int K>
struct KeyWindow {
  static constexpr int kNever = 0x7fff;  // a first query that none reaches
  int corner, pitch, cols, count;        // corner: the first query's row in the halo
  unsigned reciprocal;
  uint32_t low[2], high[2];  // first and last of the queries of each key, as pairs from the corner
  int bias[2];               // of the corner

  DEV_FN KeyWindow(const DilationGroup& group, const SubTile& sub, const HaloArea& halo)
      : pitch(halo.pitch) {
    const int top = first_query(sub.row, K), left = first_query(sub.col, K);
    const int last_row = dev::min(sub.row + kSide, group.rows) - 1,
              last_col = dev::min(sub.col + kSide, group.cols) - 1;
    corner = (top - halo.row) * pitch + left - halo.col;
    cols = end_query(last_col, group.cols, K) - left;
    count = (end_query(last_row, group.rows, K) - top) * cols;
    reciprocal = 65536u / static_cast<unsigned>(cols) + 1;  // exact below 65536 / cols queries
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const int key_row = sub.row_of(dev::lane() / 4 + 8 * x),
                key_col = sub.col_of(dev::lane() / 4 + 8 * x);
      const bool is_there = key_row < group.rows && key_col < group.cols;
      low[x] = is_there ? pair(first_query(key_row, K) - top, first_query(key_col, K) - left)
                        : pair(kNever, kNever);
      high[x] = pair(end_query(key_row, group.rows, K) - top - 1,
                     end_query(key_col, group.cols, K) - left - 1);
      bias[x] = (key_row - top + K - 1) * (2 * K - 1) + key_col - left + K - 1;
    }
  }
  DEV_FN int row_of(int query) const {
    return static_cast<int>(static_cast<unsigned>(query) * reciprocal >> 16);
  }
  /// Its row in the halo; past the end that of the last one.
  DEV_FN int place(int query) const {
    query = dev::min(query, count - 1);
    return corner + query + row_of(query) * (pitch - cols);
  }
  /// A row and a column, both below 2^15, in one register.
  DEV_FN static uint32_t pair(int row, int col) {
    return static_cast<uint32_t>(row) << 16 | static_cast<uint32_t>(col);
  }
  /// Whether key x is seen by the query at this pair: two comparisons at once, whose differences
  /// keep the bit above a half where they are not negative. Never by a query past the end: its row
  /// lies below all.
  DEV_FN bool sees(int x, uint32_t query) const {
    constexpr uint32_t kAbove = 0x80008000u;
    return (((query | kAbove) - low[x]) & ((high[x] | kAbove) - query) & kAbove) == kAbove;
  }
};

/// From scores to P and from dP to dS, of the lane's two keys and four of 16 queries.
template <int K, class Shared>
DEV_FN void softmax_backward(const KeyWindow<K>& window, int first, const Shared& shared,
                             float (&p)[2][4], float (&ds)[2][4]) {
  DEV_UNROLL
  for (int i = 0; i < 4; ++i) {
    const int n = i / 2, e = i % 2;
    const int query = first + 8 * n + dev::lane() % 4 * 2 + e;
    const int row = window.row_of(query), col = query - row * window.cols;
    const QueryStatistics of = shared.statistics[window.place(query)];
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      float &p_x = p[n][2 * x + e], &ds_x = ds[n][2 * x + e];
      if (window.sees(x, KeyWindow<K>::pair(row, col))) {
        const float bias = shared.bias[window.bias[x] - row * (2 * K - 1) - col];
        p_x = dev::exp2_fast(dev::fma(p_x, kScoreScale, bias) - of.log_sum);
        ds_x = p_x * (ds_x - of.delta);
      } else {
        p_x = ds_x = 0;
      }
    }
  }
}

template <int K>
DEV_KERNEL void DEV_BOUNDS(SidesOf<K>::kMostThreads, 2)
    neighborhood_sliding_backward_keys_kernel(WindowSizes s, SidesOf<K> sides, const bf16* dout,
                                              const bf16* qkv, const float* rpb,
                                              const QueryStatistics* statistics, int halo_rows,
                                              int halo_cols, bf16* dqkv) {
  DEV_DYNAMIC_SHARED(bf16, memory);
  using Tile = SlidingTile<SidesOf<K>>;
  const KeysShared<Tile> shared(memory, halo_rows * halo_cols, sides.most_sub_tiles());
  const Tile start = sliding_tile(s, sides);
  const int warps = sides.warps();
  if (start.sub_tiles() == 0) return;
  const HaloArea halo = query_halo(start, K, halo_cols);
  copy_halo(start.group, qkv_rows(s, qkv, 0, start.head), halo, warps, shared.queries);
  copy_halo(start.group, out_rows(s, dout, start.head), halo, warps, shared.douts);
  for (int i = dev::warp(); i < start.sub_tiles(); i += warps) {
    const SubTile sub(start, i);
    copy_sub_tile(start.group, sub, qkv_rows(s, qkv, 1, start.head), shared.rows, 2 * i * kRows);
    copy_sub_tile(start.group, sub, qkv_rows(s, qkv, 2, start.head), shared.rows,
                  (2 * i + 1) * kRows);
  }
  dev::copies_commit();
  for (int r = dev::warp(); r < halo.rows; r += warps) {
    for (int c = dev::lane(); c < halo.cols; c += dev::kWarp) {
      const int64_t token = start.group.token(halo.row + r, halo.col + c);
      shared.statistics[r * halo_cols + c] = statistics[token * s.heads + start.head];
    }
  }
  constexpr int kBins = (2 * K - 1) * (2 * K - 1);
  for (int i = dev::thread(); i < kBins; i += warps * dev::kWarp) {
    shared.bias[i] = rpb == nullptr ? 0.0f : rpb[start.head * kBins + i] * kLog2E;
  }
  if (dev::thread() == 0) *shared.tile = start;
  dev::copies_wait<0>();
  dev::sync();
  const Tile& tile = *shared.tile;
  for (int i = dev::warp(); i < tile.sub_tiles(); i += warps) {
    const KeyWindow<K> window(tile.group, SubTile(tile, i), query_halo(tile, K, halo_cols));
    uint32_t k[2][4], v[2][4], a[4];
    load_rows(k, shared.rows, 2 * i * kRows);
    load_rows(v, shared.rows, (2 * i + 1) * kRows);
    float dk[4][4] = {}, dv[4][4] = {};
    for (int first = 0; first < window.count; first += kRows) {
      float p[2][4], ds[2][4];
      DEV_UNROLL
      for (int n = 0; n < 2; ++n) {
        const int at = swizzled(window.place(first + 8 * n + dev::lane() % 8), dev::lane() / 8);
        multiply_transposed(p[n], k, shared.queries + at);
        multiply_transposed(ds[n], v, shared.douts + at);
      }
      softmax_backward<K>(window, first, shared, p, ds);
      const int low = swizzled(window.place(first + dev::lane() % 16), dev::lane() / 16);
      const int high = low ^ 16;  // two chunks further, or back
      pack_rows(a, p[0], p[1]);
      add_product(dv, a, {shared.douts + low, shared.douts + high});
      pack_rows(a, ds[0], ds[1]);
      add_product(dk, a, {shared.queries + low, shared.queries + high});
    }
    const SubTile sub(tile, i);
    store_sub_tile(tile.group, sub, dk, {kDotScale, kDotScale}, shared.rows, 2 * i * kRows,
                   qkv_rows(s, dqkv, 1, tile.head));
    store_sub_tile(tile.group, sub, dv, {1.0f, 1.0f}, shared.rows, (2 * i + 1) * kRows,
                   qkv_rows(s, dqkv, 2, tile.head));
  }
}

/// Shared memory of a block, bytes.
template <class Sides>
size_t keys_shared(const WindowSizes& s, const Sides& sides) {
  const int rows = longest_query_halo(s.height, s.dilation, s.kernel, sides.height),
            cols = longest_query_halo(s.width, s.dilation, s.kernel, sides.width);
  return KeysShared<SlidingTile<Sides>>::bytes(rows * cols, sides.most_sub_tiles(),
                                               s.bias_side() * s.bias_side());
}

template <int K>
void launch_backward_keys(Cuda& cuda, const WindowSizes& s, const SidesOf<K>& sides,
                          const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                          const QueryStatistics* statistics, Tensor& dqkv) {
  const int rows = longest_query_halo(s.height, s.dilation, K, sides.height),
            cols = longest_query_halo(s.width, s.dilation, K, sides.width);
  dev::launch(
      cuda, "neighborhood_sliding_backward_keys", neighborhood_sliding_backward_keys_kernel<K>,
      {sliding_tiles(s, sides) * s.heads, sides.warps() * dev::kWarp, keys_shared(s, sides)}, s,
      sides, dout.data<bf16>(), qkv.data<bf16>(), data_or_null<float>(rpb), statistics, rows, cols,
      dqkv.data<bf16>());
}

}  // namespace vicinity::kernels::sliding
