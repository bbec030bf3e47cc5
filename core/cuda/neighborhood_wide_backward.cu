// Neighborhood attention of windows of 9, 11 and 13, backward: queries here, keys in
// neighborhood_wide_keys.cu. No atomics: each gradient has one block that sums it.
//   bytes     reads q, k, v, dout, writes dq and 8 bytes per query and head; from L2 k and v as the
//             forward; partial sums of the bias gradient, (2 K - 1)^2 floats per tile, twice
//   numerics  f32; dS rounds to bf16 before dq. drpb: per sub-tile, over those of a block, over
//             blocks, each in order
//   sizes     two passes over the keys, the first for the sums that dS needs. Products: 5 (scores
//             and dP twice). At 11 and nine warps 98 KB of shared memory: two blocks on a
//             multiprocessor of compute capability 9.0, one on 8.0
#include "core/cuda/neighborhood_sliding.cuh"
#include "core/cuda/neighborhood_wide.cuh"
#include "core/cuda/neighborhood_wide_bias.cuh"

namespace vicinity::kernels {
namespace {

using namespace sliding;

/// log2 of the sum of exponentials and the sum of P dP of the lane's two queries: a pass over all
/// keys.
template <int K>
DEV_FN void query_statistics(const WideWindow<K>& window, const WideShared& shared,
                             const uint32_t (&q)[2][4], const uint32_t (&dout)[2][4],
                             float (&log_sum)[2], float (&delta)[2]) {
  OnlineSoftmax<1> softmax;
  delta[0] = delta[1] = 0;
  for (int pair = 0; pair < window.pairs; ++pair) {
    DEV_UNROLL
    for (int odd = 0; odd < 2; ++odd) {
      float p[1][2][4];
      window.scores(p[0], q, shared.keys, shared.bias, pair, odd);
      softmax.add(p, kScoreScale, [&](int, int x, float factor) { delta[x] *= factor; });
      DEV_UNROLL
      for (int n = 0; n < 2; ++n) {
        float dp[4];
        multiply_transposed(dp, dout, window.tile(shared.values, pair, odd, n));
        DEV_UNROLL
        for (int e = 0; e < 4; ++e) delta[e / 2] = dev::fma(p[0][n][e], dp[e], delta[e / 2]);
      }
    }
  }
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) {
    const float sum = quad_sum(softmax.total[0][x]);
    log_sum[x] = dev::fma(softmax.top[0][x], kScoreScale, dev::log2_fast(sum));
    delta[x] = quad_sum(delta[x]) / sum;
  }
}

DEV_FN void store_statistics(const WindowSizes& s, const SlidingTile<WideSides>& tile, int warp,
                             const float (&log_sum)[2], const float (&delta)[2],
                             QueryStatistics* statistics) {
  const SubTile sub(tile, warp);
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) {
    const int row = dev::lane() / 4 + 8 * x;
    if (dev::lane() % 4 > 0 || !sub.holds(tile.group, row)) continue;
    const int64_t token = tile.group.token(sub.row_of(row), sub.col_of(row));
    statistics[token * s.heads + tile.head] = {log_sum[x], delta[x]};
  }
}

/// dq, the statistics of each query and head, and the block's part of drpb.
template <int K>
DEV_KERNEL void DEV_BOUNDS(WideSides::kMostThreads, 2)
    neighborhood_wide_backward_queries_kernel(WindowSizes s, WideCut cut, const bf16* dout,
                                              const bf16* qkv, const float* rpb, bf16* dqkv,
                                              QueryStatistics* statistics, float* partials) {
  DEV_DYNAMIC_SHARED(bf16, memory);
  const WideShared shared(memory, cut, 2);
  const auto start = sliding_tile(s, cut.sides);
  const HaloArea halo = wide_halo<K>(start, cut);
  const int warps = cut.sides.warps(), warp = dev::warp();
  const CellsShared<K> of_cells(shared, warps);
  copy_halo(start.group, qkv_rows(s, qkv, 1, start.head), halo, warps, shared.keys);
  copy_halo(start.group, qkv_rows(s, qkv, 2, start.head), halo, warps, shared.values);
  if (warp < start.sub_tiles()) {
    const SubTile sub(start, warp);
    copy_sub_tile(start.group, sub, qkv_rows(s, qkv, 0, start.head), shared.rows, 2 * warp * kRows);
    copy_sub_tile(start.group, sub, out_rows(s, dout, start.head), shared.rows,
                  (2 * warp + 1) * kRows);
  }
  dev::copies_commit();
  WideBias<K>::fill(rpb, start.head, shared.bias, warps * dev::kWarp);
  if (dev::thread() == 0) *shared.tile = start;
  dev::copies_wait<0>();
  dev::sync();
  const SlidingTile<WideSides>& tile = *shared.tile;
  if (warp < tile.sub_tiles()) {
    const WideWindow<K> window(tile, SubTile(tile, warp), wide_halo<K>(tile, cut));
    uint32_t q[2][4], dy[2][4], a[4];
    load_rows(q, shared.rows, 2 * warp * kRows);
    load_rows(dy, shared.rows, (2 * warp + 1) * kRows);
    float log_sum[2], delta[2], dq[4][4] = {};
    query_statistics(window, shared, q, dy, log_sum, delta);
    store_statistics(s, tile, warp, log_sum, delta, statistics);
    if (dev::lane() == 0) of_cells.origins[warp] = CellsOrigin(window, SubTile(tile, warp));
    BiasCells<K> cells(shared.rows + 2 * warp * kRows * kHeadDim,
                       of_cells.cells + warp * BiasCells<K>::kCells);
    for (int pair = 0; pair < window.pairs; ++pair) {
      DEV_UNROLL
      for (int odd = 0; odd < 2; ++odd) {
        float ds[2][4];
        window.scores(ds, q, shared.keys, shared.bias, pair, odd);
        DEV_UNROLL
        for (int n = 0; n < 2; ++n) {
          float dp[4];
          multiply_transposed(dp, dy, window.tile(shared.values, pair, odd, n));
          DEV_UNROLL
          for (int e = 0; e < 4; ++e) {
            const float p = dev::exp2_fast(dev::fma(ds[n][e], kScoreScale, -log_sum[e / 2]));
            ds[n][e] = p * (dp[e] - delta[e / 2]);
          }
        }
        pack_rows(a, ds[0], ds[1]);
        add_product(dq, a, window.product(shared.keys, pair, odd));
        if (partials != nullptr) cells.add(ds);
      }
    }
    if (partials != nullptr) cells.finish();
    store_sub_tile(tile.group, SubTile(tile, warp), dq, {kDotScale, kDotScale}, shared.rows,
                   2 * warp * kRows, qkv_rows(s, dqkv, 0, tile.head));
  }
  if (partials == nullptr) return;
  dev::sync();
  sum_cells<K>(of_cells, tile.sub_tiles(), warps * dev::kWarp,
               partials + dev::block() * WideBias<K>::kBins);
}

template <int K>
void backward(Cuda& cuda, const WindowSizes& s, const Tensor& dout, const Tensor& qkv,
              const Tensor& rpb, NeighborhoodAttentionGrads& grads) {
  const auto bytes = [&](const WideSides& sides) {
    return WideShared::bytes(wide_cut(s, sides), 2, WideBias<K>::kSize) +
           CellsShared<K>::bytes(sides.warps());
  };
  const WideCut cut = wide_cut(s, wide_sides(s, cuda.info().shared_per_block, bytes));
  const int64_t tiles = sliding_tiles(s, cut.sides);
  Tensor statistics = empty({s.tokens(), s.heads, 2}, DType::f32, kCuda), partials;
  if (rpb.defined()) partials = empty({tiles, s.heads, WideBias<K>::kBins}, DType::f32, kCuda);
  auto* of_queries = reinterpret_cast<QueryStatistics*>(statistics.raw());
  dev::launch(cuda, "neighborhood_wide_backward_queries",
              neighborhood_wide_backward_queries_kernel<K>,
              {tiles * s.heads, cut.sides.warps() * dev::kWarp, bytes(cut.sides)}, s, cut,
              dout.data<bf16>(), qkv.data<bf16>(), data_or_null<float>(rpb),
              grads.dqkv.data<bf16>(), of_queries, data_or_null<float>(partials));
  wide_window_backward_keys(cuda, s, dout, qkv, rpb, of_queries, grads.dqkv);
  if (rpb.defined()) reduce_bias_partials(cuda, partials, grads.drpb);
}

}  // namespace

void wide_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                          const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  for_wide_kernel(window.kernel, [&]<int K>() {
    backward<K>(cuda, window_sizes(qkv, window), dout, qkv, rpb, grads);
  });
}

}  // namespace vicinity::kernels
