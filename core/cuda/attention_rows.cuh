// Pieces of the attention kernels for f32 and any head dim. A block of 64 threads owns 32 rows and
// a slice of 64 channels; a thread holds 4 x 4 scores and 4 x 8 sums, so that 8 shared loads of 16
// bytes feed 64 products. Head dims beyond 64 compute the scores again for each slice: rare, and
// shared memory does not depend on the head dim.
#pragma once

#include "core/cuda/attention.cuh"

namespace vicinity::kernels::rows {

constexpr int kThreads = 64;
constexpr int kRows = 32;      // queries or keys of a tile
constexpr int kChannels = 64;  // of a tile: a slice of the head dim
constexpr int kRowsOfThread = 4, kSumsOfThread = 8;

struct alignas(16) Four {
  float at[4];
};
/// A row of a tile in shared memory; the four floats behind it keep rows in different banks.
template <int count>
struct TileRow {
  Four fours[count / 4 + 1];

  DEV_FN float& operator[](int i) { return fours[i / 4].at[i % 4]; }
};
using ChannelRow = TileRow<kChannels>;
using ScoreRow = TileRow<kRows>;

using Scores = float[kRowsOfThread][kRowsOfThread];
using Sums = float[kRowsOfThread][kSumsOfThread];

// Thread (y, x) of 8 x 8 holds rows y + 8 i; of scores columns x + 8 j, of sums columns
// 4 x + j % 4 + 32 (j / 4).
DEV_FN int row_of(int i) { return dev::thread() / 8 + 8 * i; }
DEV_FN int score_column(int j) { return dev::thread() % 8 + 8 * j; }
DEV_FN int sum_column(int j) { return 4 * (dev::thread() % 8) + j % 4 + 32 * (j / 4); }

/// What a block works on.
struct Place {
  int item, first;  // row
  int slice, slices;

  DEV_FN explicit Place(const AttentionShape& shape)
      : slices(dev::ceil_div(shape.head_dim, kChannels)) {
    const int tiles = dev::ceil_div(shape.tokens, kRows);
    const int block = static_cast<int>(dev::block()), tile = block / slices;
    slice = block % slices;
    first = tile % tiles * kRows;
    item = tile / tiles;
  }
  /// All slices of the head dim, the block's own last, so that its tiles stay.
  DEV_FN int column(int step) const { return (slice + 1 + step) % slices * kChannels; }
  DEV_FN int own_column() const { return slice * kChannels; }
};

/// Zeros beyond the last token and channel.
template <class T>
DEV_FN void load_tile(ChannelRow* tile, const HeadRows<const T>& x, int first, int column) {
  for (int i = dev::thread(); i < kRows * kChannels; i += kThreads) {
    const int row = i / kChannels, c = i % kChannels;
    const bool inside = first + row < x.tokens && column + c < x.head_dim;
    tile[row][c] = inside ? dev::to_float(x.row(first + row)[column + c]) : 0.0f;
  }
}

/// scores += a b^T over the first channels of two tiles.
DEV_FN void add_products(Scores& scores, const ChannelRow* a, const ChannelRow* b, int channels) {
  for (int c = 0; 4 * c < channels; ++c) {
    Four x[kRowsOfThread], y[kRowsOfThread];
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      x[i] = a[row_of(i)].fours[c];
      y[i] = b[score_column(i)].fours[c];
    }
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) {
        DEV_UNROLL
        for (int e = 0; e < 4; ++e) scores[i][j] = dev::fma(x[i].at[e], y[j].at[e], scores[i][j]);
      }
    }
  }
}

/// scores = rows [first_a, + 32) of `a` times rows [first_b, + 32) of `b`. Leaves the tiles of the
/// block's own slice in shared memory, seen by all.
template <class T>
DEV_FN void multiply_rows(Scores& scores, ChannelRow* tile_a, ChannelRow* tile_b,
                          const HeadRows<const T>& a, const HeadRows<const T>& b, int first_b,
                          const Place& place) {
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) {
    DEV_UNROLL
    for (int j = 0; j < kRowsOfThread; ++j) scores[i][j] = 0;
  }
  for (int step = 0; step < place.slices; ++step) {
    const int column = place.column(step);
    dev::sync();  // whoever still reads the tiles before
    if (place.slices > 1 || first_b == 0) load_tile(tile_a, a, place.first, column);
    load_tile(tile_b, b, first_b, column);
    dev::sync();
    add_products(scores, tile_a, tile_b, dev::min(kChannels, a.head_dim - column));
  }
}

/// sums += w x for a tile of weights and one of rows. Rows of `w` stay in their warp.
DEV_FN void add_weighted(Sums& sums, ScoreRow* w, const ChannelRow* x) {
  DEV_UNROLL
  for (int k = 0; k < kRows; ++k) {
    const Four low = x[k].fours[sum_column(0) / 4], high = x[k].fours[sum_column(4) / 4];
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      const float weight = w[row_of(i)][k];
      DEV_UNROLL
      for (int e = 0; e < 4; ++e) {
        sums[i][e] = dev::fma(weight, low.at[e], sums[i][e]);
        sums[i][4 + e] = dev::fma(weight, high.at[e], sums[i][4 + e]);
      }
    }
  }
}

/// x = sums * factors by row, the block's rows and channels.
template <class T>
DEV_FN void store_sums(const HeadRows<T>& x, const Sums& sums, const float (&factors)[4],
                       const Place& place) {
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) {
    const int row = place.first + row_of(i);
    DEV_UNROLL
    for (int j = 0; j < kSumsOfThread; ++j) {
      const int column = place.own_column() + sum_column(j);
      if (row < x.tokens && column < x.head_dim)
        x.row(row)[column] = dev::from_float<T>(sums[i][j] * factors[i]);
    }
  }
}

// Sum and maximum over the eight threads that share a row.
DEV_FN float row_sum(float x) {
  for (int mask = 4; mask > 0; mask /= 2) x += dev::shuffle_xor(x, mask);
  return x;
}
DEV_FN float row_max(float x) {
  for (int mask = 4; mask > 0; mask /= 2) x = dev::max(x, dev::shuffle_xor(x, mask));
  return x;
}

/// Softmax of rows that come tile by tile: weights are exp(score - top), `total` this thread's part
/// of their sum.
struct OnlineSoftmax {
  float top[kRowsOfThread], total[kRowsOfThread];

  DEV_FN OnlineSoftmax() {
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) top[i] = -INFINITY, total[i] = 0;
  }
  /// Scores become weights; what was summed before is to be multiplied by `keep`.
  DEV_FN void add(Scores& scores, float scale, int keys, float (&keep)[kRowsOfThread]) {
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      float highest = top[i];
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) {
        scores[i][j] = score_column(j) < keys ? scores[i][j] * scale : -INFINITY;
        highest = dev::max(highest, scores[i][j]);
      }
      highest = row_max(highest);
      keep[i] = dev::exp(top[i] - highest);
      top[i] = highest;
      total[i] *= keep[i];
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) {
        scores[i][j] = dev::exp(scores[i][j] - highest);
        total[i] += scores[i][j];
      }
    }
  }
};

/// Weights into shared memory, for the other threads of their rows.
DEV_FN void share_weights(ScoreRow* tile, const Scores& weights) {
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) {
    DEV_UNROLL
    for (int j = 0; j < kRowsOfThread; ++j) tile[row_of(i)][score_column(j)] = weights[i][j];
  }
  dev::sync_warp();
}

}  // namespace vicinity::kernels::rows
