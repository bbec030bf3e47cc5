// Full attention of ViTs in bf16, head dims 32 and 64.
//   bytes     forward: qkv and out once from HBM (K and V of a head again for each 128 queries,
//             from L2). backward: two kernels, dq by queries and dk, dv by keys, each reading qkv
//             and dout (the other side of a head again for each block, from L2), dqkv once, 8 bytes
//             of statistics for each query
//   numerics  scores, softmax and sums in f32; weights (and their gradients) round to bf16 as
//             operands, results once
//   products  2 forward; backward 2 for the statistics, 3 for dq, 4 for dk and dv
// A warp owns 32 queries (16 keys): one load of shared memory feeds two products. Blocks have as
// many warps, up to a limit, as deal the rows of a head out evenly: 257 tokens are 3 blocks of 3
// warps. K and V (Q and dout) stream through two stages of 64 rows; work behind the last token is
// left out by groups of eight columns and 16 rows.
#include <cmath>

#include "core/cuda/attention_statistics.cuh"

namespace vicinity::kernels {
namespace {

using namespace tiles;

constexpr int kRowTiles = 2;  // of 16 queries, for each warp
// Warps of a block at most, and blocks that registers are held down for: 12, 8 and 12 warps on a
// multiprocessor, so many times its four schedulers as registers last for.
constexpr int kForwardWarps = 4, kForwardBlocks = 3;
constexpr int kQueryWarps = 4, kQueryBlocks = 2;
constexpr int kKeyWarps = 6, kKeyBlocks = 2;

/// Calls copy(tile, stage) and use(tile, stage) for `count` tiles, the next being copied while one
/// is used.
template <class Copy, class Use>
DEV_FN void stream_tiles(int count, Copy copy, Use use) {
  copy(0, 0);
  dev::copies_commit();
  for (int i = 0; i < count; ++i) {
    dev::copies_wait<0>();
    dev::sync();
    if (i + 1 < count) copy(i + 1, (i + 1) % 2);
    dev::copies_commit();
    use(i, i % 2);
  }
}

/// use.operator()<row groups of the warp that hold queries>().
template <class Use>
DEV_FN void for_active(int rows, Use use) {
  if (rows > 16) {
    use.template operator()<2>();
  } else if (rows > 0) {
    use.template operator()<1>();
  }
}

template <int D>
DEV_KERNEL void DEV_BOUNDS(dev::kWarp* kForwardWarps, kForwardBlocks)
    attention_tiles_forward_kernel(const bf16* qkv, bf16* out, AttentionShape shape, float scale) {
  DEV_SHARED(TilePair<D>, kv, 2);
  const Place place(shape, 16 * kRowTiles);
  const auto q_rows = packed_head(qkv, shape, place.item, 0);
  const auto k_rows = packed_head(qkv, shape, place.item, 1);
  const auto v_rows = packed_head(qkv, shape, place.item, 2);
  uint32_t q[kRowTiles][D / 16][4];
  float sums[kRowTiles][D / 8][4] = {};
  OnlineSoftmax<kRowTiles> softmax;
  DEV_UNROLL
  for (int r = 0; r < kRowTiles; ++r) load_rows<D>(q[r], q_rows, place.first + 16 * r);
  const auto copy = [&](int tile, int stage) {
    kv[stage].copy(k_rows, v_rows, tile * Tile<D>::kRows);
  };
  stream_tiles(dev::ceil_div(shape.tokens, Tile<D>::kRows), copy, [&](int tile, int stage) {
    for_active(shape.tokens - place.first, [&]<int kActive>() {
      const int keys = dev::min(Tile<D>::kRows, shape.tokens - tile * Tile<D>::kRows);
      for_steps(keys, [&](int first, int columns) {
        float s[kActive][2][4] = {};
        add_row_products(s, q, kv[stage].x, first, columns);
        set_columns_behind(s, columns, -INFINITY);
        softmax.add(s, scale, [&](int r, int half, float factor) {
          DEV_UNROLL
          for (int i = 0; i < D / 4; ++i) sums[r][i / 2][2 * half + i % 2] *= factor;
        });
        add_weighted_rows(sums, s, kv[stage].y, first);
      });
    });
  });
  DEV_UNROLL
  for (int r = 0; r < kRowTiles; ++r) {
    const float factors[2] = {1 / quad_sum(softmax.total[r][0]), 1 / quad_sum(softmax.total[r][1])};
    store_rows<D>(merged_head(out, shape, place.item), place.first + 16 * r, sums[r], factors);
  }
}

/// dq, and for each query log2 of its softmax's denominator and sum_j p_j dp_j: `statistics`,
/// [items, N to the next 16, 2]. The keys stream by twice: once for these, once for dq. Queries
/// behind the last get an infinite denominator, so that they weigh nothing with the keys.
template <int D>
DEV_KERNEL void DEV_BOUNDS(dev::kWarp* kQueryWarps, kQueryBlocks)
    attention_tiles_backward_queries_kernel(const bf16* dout, const bf16* qkv, bf16* dqkv,
                                            float* statistics, AttentionShape shape, float scale,
                                            float grad_scale) {
  DEV_SHARED(TilePair<D>, kv, 2);
  const Place place(shape, 16 * kRowTiles);
  const auto q_rows = packed_head(qkv, shape, place.item, 0);
  const auto k_rows = packed_head(qkv, shape, place.item, 1);
  const auto v_rows = packed_head(qkv, shape, place.item, 2);
  const auto d_rows = merged_head(dout, shape, place.item);
  uint32_t q[kRowTiles][D / 16][4], d[kRowTiles][D / 16][4];
  float dq[kRowTiles][D / 8][4] = {}, lse[kRowTiles][2] = {}, delta[kRowTiles][2] = {};
  OnlineSoftmax<kRowTiles> softmax;
  DEV_UNROLL
  for (int r = 0; r < kRowTiles; ++r) {
    load_rows<D>(q[r], q_rows, place.first + 16 * r);
    load_rows<D>(d[r], d_rows, place.first + 16 * r);
  }
  const int tiles = dev::ceil_div(shape.tokens, Tile<D>::kRows);
  const auto copy = [&](int i, int stage) {
    kv[stage].copy(k_rows, v_rows, i % tiles * Tile<D>::kRows);
  };
  stream_tiles(2 * tiles, copy, [&](int i, int stage) {
    for_active(shape.tokens - place.first, [&]<int kActive>() {
      if (i == tiles) {
        finish_statistics<kActive>(softmax, scale, lse, delta);
        store_statistics<kActive>(statistics, shape, place, lse, delta);
      }
      const int keys = dev::min(Tile<D>::kRows, shape.tokens - i % tiles * Tile<D>::kRows);
      for_steps(keys, [&](int first, int columns) {
        float s[kActive][2][4] = {}, dp[kActive][2][4] = {};
        add_row_products(s, q, kv[stage].x, first, columns);
        add_row_products(dp, d, kv[stage].y, first, columns);
        set_columns_behind(s, columns, -INFINITY);
        if (i < tiles) {
          softmax.add(s, scale, [&](int r, int half, float factor) { delta[r][half] *= factor; });
          add_dot(delta, s, dp);
        } else {
          to_score_gradients(s, dp, scale, lse, delta);
          add_weighted_rows(dq, s, kv[stage].x, first);
        }
      });
    });
  });
  const float factors[2] = {grad_scale, grad_scale};
  DEV_UNROLL
  for (int r = 0; r < kRowTiles; ++r)
    store_rows<D>(packed_head(dqkv, shape, place.item, 0), place.first + 16 * r, dq[r], factors);
}

/// dk and dv: rows are keys here, 16 for each warp, columns queries.
template <int D>
DEV_KERNEL void DEV_BOUNDS(dev::kWarp* kKeyWarps, kKeyBlocks)
    attention_tiles_backward_keys_kernel(const bf16* dout, const bf16* qkv, const float* statistics,
                                         bf16* dqkv, AttentionShape shape, float scale,
                                         float grad_scale) {
  DEV_SHARED(TilePair<D>, qd, 2);
  DEV_SHARED(StatisticsTile, statistics_tiles, 2);
  const Place place(shape, 16);
  const auto q_rows = packed_head(qkv, shape, place.item, 0);
  const auto d_rows = merged_head(dout, shape, place.item);
  const float* of_item = statistics_of(statistics, shape, place.item);
  uint32_t k[1][D / 16][4], v[1][D / 16][4];
  float dk[1][D / 8][4] = {}, dv[1][D / 8][4] = {};
  load_rows<D>(k[0], packed_head(qkv, shape, place.item, 1), place.first);
  load_rows<D>(v[0], packed_head(qkv, shape, place.item, 2), place.first);
  const auto copy = [&](int tile, int stage) {
    qd[stage].copy(q_rows, d_rows, tile * Tile<D>::kRows);
    statistics_tiles[stage].copy(of_item, shape, tile * Tile<D>::kRows);
  };
  stream_tiles(dev::ceil_div(shape.tokens, Tile<D>::kRows), copy, [&](int tile, int stage) {
    if (place.first >= shape.tokens) return;
    const int queries = dev::min(Tile<D>::kRows, shape.tokens - tile * Tile<D>::kRows);
    for_steps(queries, [&](int first, int columns) {
      float p[1][2][4] = {}, ds[1][2][4];
      statistics_tiles[stage].start(ds[0], first);
      add_row_products(p, k, qd[stage].x, first, columns);
      add_row_products(ds, v, qd[stage].y, first, columns);
      statistics_tiles[stage].to_weights(p[0], first, scale);
      DEV_UNROLL
      for (int i = 0; i < 8; ++i) ds[0][i / 4][i % 4] *= p[0][i / 4][i % 4];
      add_weighted_rows(dv, p, qd[stage].y, first);
      add_weighted_rows(dk, ds, qd[stage].x, first);
    });
  });
  const float ones[2] = {1, 1}, scales[2] = {grad_scale, grad_scale};
  store_rows<D>(packed_head(dqkv, shape, place.item, 1), place.first, dk[0], scales);
  store_rows<D>(packed_head(dqkv, shape, place.item, 2), place.first, dv[0], ones);
}

/// Warps of `rows` rows each, dealt out evenly to as few blocks as `most_warps` allows.
LaunchShape blocks_of(const AttentionShape& shape, int rows, int most_warps) {
  const int warps = dev::ceil_div(shape.tokens, rows), blocks = dev::ceil_div(warps, most_warps);
  return {shape.items() * blocks, dev::kWarp * dev::ceil_div(warps, blocks)};
}

/// Eight warps on a multiprocessor are whole blocks of four or two: two where four would leave two
/// or three without rows.
LaunchShape blocks_of_queries(const AttentionShape& shape) {
  const int warps = dev::ceil_div(shape.tokens, 16 * kRowTiles);
  const int of_block = warps % kQueryWarps == 1 || warps % kQueryWarps == 2 ? 2 : kQueryWarps;
  return {shape.items() * dev::ceil_div(warps, of_block), dev::kWarp * of_block};
}

/// 1 / sqrt(d); of exponents of 2 times log2(e).
double grad_scale_of(const AttentionShape& shape) {
  return 1 / std::sqrt(static_cast<double>(shape.head_dim));
}
double scale_of(const AttentionShape& shape) { return grad_scale_of(shape) / std::log(2.0); }

template <class F>
void for_head_dim(const AttentionShape& shape, F&& f) {
  shape.head_dim == 64 ? f.template operator()<64>() : f.template operator()<32>();
}

}  // namespace

bool attention_tiles_fit(DType dtype, const AttentionShape& shape) {
  return dtype == DType::bf16 && (shape.head_dim == 32 || shape.head_dim == 64);
}

void attention_tiles_forward(Cuda& cuda, const Tensor& qkv, const AttentionShape& shape,
                             Tensor& out) {
  for_head_dim(shape, [&]<int D>() {
    dev::launch(cuda, "attention_forward", attention_tiles_forward_kernel<D>,
                blocks_of(shape, 16 * kRowTiles, kForwardWarps), qkv.data<bf16>(), out.data<bf16>(),
                shape, scale_of(shape));
  });
}

void attention_tiles_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv,
                              const AttentionShape& shape, Tensor& dqkv) {
  Tensor statistics = empty({shape.items(), padded_tokens(shape), 2}, DType::f32, kCuda);
  for_head_dim(shape, [&]<int D>() {
    dev::launch(cuda, "attention_backward_queries", attention_tiles_backward_queries_kernel<D>,
                blocks_of_queries(shape), dout.data<bf16>(), qkv.data<bf16>(), dqkv.data<bf16>(),
                statistics.data<float>(), shape, scale_of(shape), grad_scale_of(shape));
    dev::launch(cuda, "attention_backward_keys", attention_tiles_backward_keys_kernel<D>,
                blocks_of(shape, 16, kKeyWarps), dout.data<bf16>(), qkv.data<bf16>(),
                statistics.data<float>(), dqkv.data<bf16>(), shape, scale_of(shape),
                grad_scale_of(shape));
  });
}

}  // namespace vicinity::kernels
