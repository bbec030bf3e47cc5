// Full attention: dispatch, and the kernels for f32 and for any head dim (bf16 with the head dims
// of ViTs: core/cuda/attention_tiles.cu).
//   bytes     forward: qkv once and out once, plus K and V again for each 32 queries, from L2
//             mostly. backward: two kernels, dQ by queries, dK and dV by keys, each reading qkv and
//             dout likewise; dqkv once; 8 bytes of statistics for each query, written and read
//   numerics  f32 throughout, results round once; probabilities are exact to f32's exp
// A block of 64 threads owns 32 rows and a slice of 64 channels; a thread holds 4 x 4 scores and
// 4 x 8 sums, so that 8 shared loads of 16 bytes feed 64 products. Head dims beyond 64 compute the
// scores again for each slice: rare, and shared memory does not depend on the head dim.
#include <cmath>

#include "core/cuda/attention.cuh"
#include "core/ops/attention.h"

namespace vicinity::kernels {
namespace {

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

template <class T>
DEV_KERNEL void attention_forward_kernel(const T* qkv, T* out, AttentionShape shape, float scale) {
  DEV_SHARED(ChannelRow, q_tile, kRows);
  DEV_SHARED(ChannelRow, k_tile, kRows);
  DEV_SHARED(ChannelRow, v_tile, kRows);
  DEV_SHARED(ScoreRow, p_tile, kRows);
  const Place place(shape);
  const auto q = packed_head(qkv, shape, place.item, 0), k = packed_head(qkv, shape, place.item, 1),
             v = packed_head(qkv, shape, place.item, 2);
  OnlineSoftmax softmax;
  Scores s;
  Sums sums = {};
  float factors[kRowsOfThread];
  for (int first = 0; first < shape.tokens; first += kRows) {
    multiply_rows(s, q_tile, k_tile, q, k, first, place);
    load_tile(v_tile, v, first, place.own_column());
    softmax.add(s, scale, shape.tokens - first, factors);
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      DEV_UNROLL
      for (int j = 0; j < kSumsOfThread; ++j) sums[i][j] *= factors[i];
    }
    share_weights(p_tile, s);
    dev::sync();
    add_weighted(sums, p_tile, v_tile);
  }
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) factors[i] = 1 / row_sum(softmax.total[i]);
  store_sums(merged_head(out, shape, place.item), sums, factors, place);
}

/// dq, and for each query the log of its softmax's denominator and sum_j p_j dp_j: `statistics`,
/// [items, N, 2]. Two passes over the keys, one for each.
template <class T>
DEV_KERNEL void attention_backward_queries_kernel(const T* dout, const T* qkv, T* dqkv,
                                                  float* statistics, AttentionShape shape,
                                                  float scale) {
  DEV_SHARED(ChannelRow, q_tile, kRows);
  DEV_SHARED(ChannelRow, k_tile, kRows);
  DEV_SHARED(ChannelRow, v_tile, kRows);
  DEV_SHARED(ChannelRow, do_tile, kRows);
  DEV_SHARED(ScoreRow, ds_tile, kRows);
  const Place place(shape);
  const auto q = packed_head(qkv, shape, place.item, 0), k = packed_head(qkv, shape, place.item, 1),
             v = packed_head(qkv, shape, place.item, 2), d = merged_head(dout, shape, place.item);
  OnlineSoftmax softmax;
  Scores s, dp;
  float factors[kRowsOfThread], lse[kRowsOfThread], delta[kRowsOfThread] = {};
  for (int first = 0; first < shape.tokens; first += kRows) {
    multiply_rows(s, q_tile, k_tile, q, k, first, place);
    multiply_rows(dp, do_tile, v_tile, d, v, first, place);
    softmax.add(s, scale, shape.tokens - first, factors);
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      delta[i] *= factors[i];
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) delta[i] = dev::fma(s[i][j], dp[i][j], delta[i]);
    }
  }
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) {
    const float total = row_sum(softmax.total[i]);
    const int row = place.first + row_of(i);
    lse[i] = softmax.top[i] + dev::log(total);
    delta[i] = row_sum(delta[i]) / total;
    factors[i] = scale;
    if (place.slice == 0 && score_column(0) == 0 && row < shape.tokens) {
      statistics[2 * (int64_t{place.item} * shape.tokens + row)] = lse[i];
      statistics[2 * (int64_t{place.item} * shape.tokens + row) + 1] = delta[i];
    }
  }
  Sums dq = {};
  for (int first = 0; first < shape.tokens; first += kRows) {
    multiply_rows(dp, do_tile, v_tile, d, v, first, place);
    multiply_rows(s, q_tile, k_tile, q, k, first, place);
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) {
        const float p = dev::exp(s[i][j] * scale - lse[i]);
        s[i][j] = score_column(j) < shape.tokens - first ? p * (dp[i][j] - delta[i]) : 0.0f;
      }
    }
    share_weights(ds_tile, s);
    add_weighted(dq, ds_tile, k_tile);
  }
  store_sums(packed_head(dqkv, shape, place.item, 0), dq, factors, place);
}

/// dk and dv. Rows are keys here, columns queries.
template <class T>
DEV_KERNEL void attention_backward_keys_kernel(const T* dout, const T* qkv, const float* statistics,
                                               T* dqkv, AttentionShape shape, float scale) {
  DEV_SHARED(ChannelRow, q_tile, kRows);
  DEV_SHARED(ChannelRow, k_tile, kRows);
  DEV_SHARED(ChannelRow, v_tile, kRows);
  DEV_SHARED(ChannelRow, do_tile, kRows);
  DEV_SHARED(ScoreRow, p_tile, kRows);
  DEV_SHARED(ScoreRow, ds_tile, kRows);
  const Place place(shape);
  const auto q = packed_head(qkv, shape, place.item, 0), k = packed_head(qkv, shape, place.item, 1),
             v = packed_head(qkv, shape, place.item, 2), d = merged_head(dout, shape, place.item);
  const float* of_item = statistics + 2 * int64_t{place.item} * shape.tokens;
  Scores p, ds;
  Sums dk = {}, dv = {};
  for (int first = 0; first < shape.tokens; first += kRows) {
    multiply_rows(p, k_tile, q_tile, k, q, first, place);
    multiply_rows(ds, v_tile, do_tile, v, d, first, place);
    DEV_UNROLL
    for (int j = 0; j < kRowsOfThread; ++j) {
      const int query = first + score_column(j);
      const bool inside = query < shape.tokens;
      const float lse = inside ? of_item[2 * query] : 0.0f;
      const float delta = inside ? of_item[2 * query + 1] : 0.0f;
      DEV_UNROLL
      for (int i = 0; i < kRowsOfThread; ++i) {
        p[i][j] = inside ? dev::exp(p[i][j] * scale - lse) : 0.0f;
        ds[i][j] = p[i][j] * (ds[i][j] - delta);
      }
    }
    share_weights(p_tile, p);
    share_weights(ds_tile, ds);
    add_weighted(dv, p_tile, do_tile);
    add_weighted(dk, ds_tile, q_tile);
  }
  const float ones[kRowsOfThread] = {1, 1, 1, 1},
              scales[kRowsOfThread] = {scale, scale, scale, scale};
  store_sums(packed_head(dqkv, shape, place.item, 1), dk, scales, place);
  store_sums(packed_head(dqkv, shape, place.item, 2), dv, ones, place);
}

/// Blocks of several slices share the tiles of keys.
template <class T>
DEV_KERNEL void attention_probabilities_kernel(const T* qkv, float* probabilities,
                                               AttentionShape shape, float scale) {
  DEV_SHARED(ChannelRow, q_tile, kRows);
  DEV_SHARED(ChannelRow, k_tile, kRows);
  const Place place(shape);
  const auto q = packed_head(qkv, shape, place.item, 0), k = packed_head(qkv, shape, place.item, 1);
  OnlineSoftmax softmax;
  Scores s;
  float factors[kRowsOfThread];
  for (int first = 0; first < shape.tokens; first += kRows) {
    multiply_rows(s, q_tile, k_tile, q, k, first, place);
    softmax.add(s, scale, shape.tokens - first, factors);
  }
  DEV_UNROLL
  for (int i = 0; i < kRowsOfThread; ++i) factors[i] = 1 / row_sum(softmax.total[i]);
  for (int first = place.slice * kRows; first < shape.tokens; first += place.slices * kRows) {
    multiply_rows(s, q_tile, k_tile, q, k, first, place);
    DEV_UNROLL
    for (int i = 0; i < kRowsOfThread; ++i) {
      const int row = place.first + row_of(i);
      float* to = probabilities + (int64_t{place.item} * shape.tokens + row) * shape.tokens + first;
      DEV_UNROLL
      for (int j = 0; j < kRowsOfThread; ++j) {
        if (row < shape.tokens && score_column(j) < shape.tokens - first)
          to[score_column(j)] = dev::exp(s[i][j] * scale - softmax.top[i]) * factors[i];
      }
    }
  }
}

AttentionShape shape_of(const Tensor& qkv, int64_t heads) {
  return {qkv.dim(0), static_cast<int>(qkv.dim(1)), static_cast<int>(heads),
          static_cast<int>(qkv.dim(2) / 3 / heads)};
}

LaunchShape blocks_of(const AttentionShape& shape) {
  return {
      shape.items() * dev::ceil_div(shape.tokens, kRows) * dev::ceil_div(shape.head_dim, kChannels),
      kThreads};
}

double scale_of(const AttentionShape& shape) { return 1 / std::sqrt(double(shape.head_dim)); }

}  // namespace

void attention_forward(Cuda& cuda, const Tensor& qkv, int64_t heads, Tensor& out) {
  const AttentionShape shape = shape_of(qkv, heads);
  if (attention_tiles_fit(qkv.dtype(), shape)) {
    return attention_tiles_forward(cuda, qkv, shape, out);
  }
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    dev::launch(cuda, "attention_forward", attention_forward_kernel<T>, blocks_of(shape),
                qkv.data<T>(), out.data<T>(), shape, scale_of(shape));
  });
}

void attention_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, int64_t heads,
                        Tensor& dqkv) {
  const AttentionShape shape = shape_of(qkv, heads);
  if (attention_tiles_fit(qkv.dtype(), shape)) {
    return attention_tiles_backward(cuda, dout, qkv, shape, dqkv);
  }
  Tensor statistics = empty({shape.items(), shape.tokens, 2}, DType::f32, kCuda);
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    dev::launch(cuda, "attention_backward_queries", attention_backward_queries_kernel<T>,
                blocks_of(shape), dout.data<T>(), qkv.data<T>(), dqkv.data<T>(),
                statistics.data<float>(), shape, scale_of(shape));
    dev::launch(cuda, "attention_backward_keys", attention_backward_keys_kernel<T>,
                blocks_of(shape), dout.data<T>(), qkv.data<T>(), statistics.data<float>(),
                dqkv.data<T>(), shape, scale_of(shape));
  });
}

void attention_probabilities(Cuda& cuda, const Tensor& qkv, int64_t heads, Tensor& probabilities) {
  const AttentionShape shape = shape_of(qkv, heads);
  for_cuda_dtype(qkv.dtype(), [&]<class T>() {
    dev::launch(cuda, "attention_probabilities", attention_probabilities_kernel<T>,
                blocks_of(shape), qkv.data<T>(), probabilities.data<float>(), shape,
                scale_of(shape));
  });
}

}  // namespace vicinity::kernels
