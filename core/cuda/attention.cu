// Full attention: dispatch, and the kernels for f32 and for any head dim (bf16 with the head dims
// of ViTs: core/cuda/attention_tiles.cu).
//   bytes     forward: qkv once and out once, plus K and V again for each 32 queries, from L2
//             mostly. backward: two kernels, dQ by queries, dK and dV by keys, each reading qkv and
//             dout likewise; dqkv once; 8 bytes of statistics for each query, written and read
//   numerics  f32 throughout, results round once; probabilities are exact to f32's exp
//   sizes     32 rows and 64 channels a block: core/cuda/attention_rows.cuh
#include <cmath>

#include "core/cuda/attention_rows.cuh"
#include "core/ops/attention.h"

namespace vicinity::kernels {
namespace {

using namespace rows;

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

double scale_of(const AttentionShape& shape) {
  return 1 / std::sqrt(static_cast<double>(shape.head_dim));
}

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
