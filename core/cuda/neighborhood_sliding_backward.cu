// Neighborhood attention of sliding windows, backward: queries here, keys in
// neighborhood_sliding_keys.cu. No atomics: each gradient has one block that sums it.
//   bytes     reads q, k, v, dout, writes dq and 8 bytes per query and head; k and v from L2
//             as often as the forward
//   products  4, dP twice as all of it would not fit the registers
//   numerics  f32; dS rounds to bf16 before dq and drpb. drpb: per warp, over the warps of a block,
//             over blocks, each in order
#include "core/cuda/neighborhood_sliding.cuh"

#include <algorithm>

#include "core/cuda/neighborhood_sliding_queries.cuh"

namespace vicinity::kernels {
namespace {

using namespace sliding;

template <int K>
struct QueriesShared {
  bf16 keys[SlidingWindow<K>::kHaloRows * kHeadDim];
  bf16 values[SlidingWindow<K>::kHaloRows * kHeadDim];
  bf16 rows[kSubTiles * 2 * kRows * kHeadDim];  // of each sub-tile q, then dout
  float bias[SlidingWindow<K>::kBiasSize];
  uint32_t masks[SlidingWindow<K>::kMasks];
  float bins[kSlidingWarps * SlidingWindow<K>::kBins];
  SlidingTile<NarrowSides> tile;  // waits here: registers are for scores
};

/// dS of a sub-tile as left operands of 16 keys each.
template <int K>
using ScoreGradient = uint32_t[SlidingWindow<K>::kSteps][4];

/// The sums of P dP of the lane's two queries, over dP one tile at a time. p: not yet divided.
template <int K>
DEV_FN void sum_products(const float (&p)[2 * SlidingWindow<K>::kSteps][4],
                         const uint32_t (&dout)[2][4], const QueryWindow<K>& window,
                         const bf16* values, float (&sum)[2]) {
  sum[0] = sum[1] = 0;
  DEV_UNROLL
  for (int n = 0; n < SlidingWindow<K>::kTiles; ++n) {
    if (n % 4 == 0) fence_loads();
    float dp[4];
    multiply_transposed(dp, dout, window.tile(values, n));
    DEV_UNROLL
    for (int e = 0; e < 4; ++e) sum[e / 2] += p[n][e] * dp[e];
  }
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) sum[x] = quad_sum(sum[x]);
}

/// dS = P (dP - delta), P = inverse * p.
template <int K>
DEV_FN void softmax_backward(const float (&p)[2 * SlidingWindow<K>::kSteps][4],
                             const float (&inverse)[2], const float (&delta)[2],
                             const uint32_t (&dout)[2][4], const QueryWindow<K>& window,
                             const bf16* values, ScoreGradient<K>& ds) {
  DEV_UNROLL
  for (int j = 0; j < SlidingWindow<K>::kSteps; ++j) {
    float dp[2][4] = {};
    DEV_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int n = 2 * j + i;
      if (n >= SlidingWindow<K>::kTiles) continue;
      multiply_transposed(dp[i], dout, window.tile(values, n));
      DEV_UNROLL
      for (int e = 0; e < 4; ++e) dp[i][e] = p[n][e] * inverse[e / 2] * (dp[i][e] - delta[e / 2]);
    }
    pack_rows(ds[j], dp[0], dp[1]);
  }
}

/// Adds dS to the warp's bins, 8 queries at a time through `scratch`: a lane per offset between key
/// and query that a query of the sub-tile sees.
template <int K>
DEV_FN void add_bias_gradient(const DilationGroup& group, const SubTile& sub,
                              const ScoreGradient<K>& ds, bf16* scratch, float* bins) {
  using Window = SlidingWindow<K>;
  const int lane = dev::opaque(dev::lane());
  constexpr int kPitch = 8 * (Window::kTiles | 1);  // odd: eight rows give all banks
  const int last_row = dev::min(sub.row + kSide, group.rows) - 1,
            last_col = dev::min(sub.col + kSide, group.cols) - 1;
  const int top = window_start(sub.row, group.rows, K), left = window_start(sub.col, group.cols, K);
  const int up = window_start(last_row, group.rows, K) - last_row,
            back = window_start(last_col, group.cols, K) - last_col;
  const int cols = left - sub.col + K - back;
  const int offsets = (top - sub.row + K - up) * cols;
  DEV_UNROLL
  for (int x = 0; x < 2; ++x) {
    dev::sync_warp();
    DEV_UNROLL
    for (int n = 0; n < Window::kTiles; ++n) {
      bf16* pair = scratch + lane / 4 * kPitch + 8 * n + lane % 4 * 2;
      *reinterpret_cast<uint32_t*>(pair) = ds[n / 2][n % 2 * 2 + x];
    }
    dev::sync_warp();
    for (int i = lane; i < offsets; i += dev::kWarp) {
      const int down = up + i / cols, right = back + i % cols;
      const int row = sub.row + 2 * x + down - top, col = sub.col + right - left;
      float sum = 0;
      DEV_UNROLL
      for (int q = 0; q < kRows / 2; ++q) {
        const int r = row + q / kSide, c = col + q % kSide;
        if (r < 0 || r >= Window::kWidth || c < 0 || c >= Window::kWidth) continue;
        sum += dev::to_float(scratch[q * kPitch + r * Window::kWidth + c]);
      }
      bins[(down + K - 1) * Window::kBiasSide + right + K - 1] += sum;
    }
  }
}

/// dq, the statistics of each query and head, and the block's part of drpb.
template <int K>
DEV_KERNEL void DEV_BOUNDS(kSlidingThreads, 2)
    neighborhood_sliding_backward_queries_kernel(WindowSizes s, const bf16* dout, const bf16* qkv,
                                                 const float* rpb, bf16* dqkv,
                                                 QueryStatistics* statistics, float* partials) {
  using Window = SlidingWindow<K>;
  DEV_DYNAMIC_SHARED(QueriesShared<K>, shared);
  const auto start = sliding_tile(s, NarrowSides());
  const HaloArea halo = key_halo<K>(start);
  copy_halo(start.group, qkv_rows(s, qkv, 1, start.head), halo, kSlidingWarps, shared->keys);
  copy_halo(start.group, qkv_rows(s, qkv, 2, start.head), halo, kSlidingWarps, shared->values);
  for (int i = dev::warp(); i < start.sub_tiles(); i += kSlidingWarps) {
    const SubTile sub(start, i);
    copy_sub_tile(start.group, sub, qkv_rows(s, qkv, 0, start.head), shared->rows, 2 * i * kRows);
    copy_sub_tile(start.group, sub, out_rows(s, dout, start.head), shared->rows,
                  (2 * i + 1) * kRows);
  }
  dev::copies_commit();
  fill_bias<K>(rpb, start.head, shared->bias);
  fill_masks<K>(shared->masks);
  for (int i = dev::thread(); i < kSlidingWarps * Window::kBins; i += kSlidingThreads) {
    shared->bins[i] = 0;
  }
  if (dev::thread() == 0) shared->tile = start;
  dev::copies_wait<0>();
  dev::sync();
  const SlidingTile<NarrowSides>& tile = shared->tile;
  for (int i = dev::warp(); i < tile.sub_tiles(); i += kSlidingWarps) {
    const SubTile sub(tile, i);
    const QueryWindow<K> window(tile, sub, key_halo<K>(tile), shared->masks);
    uint32_t rows[2][4];
    load_rows(rows, shared->rows, 2 * i * kRows);
    float p[2 * Window::kSteps][4], top[2], sum[2], delta[2], dq[4][4] = {};
    window_softmax(p, window, rows, shared->keys, shared->bias, top, sum);
    load_rows(rows, shared->rows, (2 * i + 1) * kRows);
    sum_products<K>(p, rows, window, shared->values, delta);
    float inverse[2];
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const float log_sum = dev::log2_fast(sum[x]);  // no branches while registers are scarce
      inverse[x] = dev::exp2_fast(-log_sum);
      delta[x] *= inverse[x];
      top[x] += log_sum;
    }
    ScoreGradient<K> ds;
    softmax_backward<K>(p, inverse, delta, rows, window, shared->values, ds);
    DEV_UNROLL
    for (int j = 0; j < Window::kSteps; ++j) {
      if (j % 2 == 0) fence_loads();
      add_product(dq, ds[j], window.pair(shared->keys, j));
    }
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      const int row = dev::opaque(dev::lane()) / 4 + 8 * x;
      if (dev::lane() % 4 > 0 || !sub.holds(tile.group, row)) continue;
      const int64_t token = tile.group.token(sub.row_of(row), sub.col_of(row));
      statistics[token * s.heads + tile.head] = {top[x], delta[x]};
    }
    store_sub_tile(tile.group, sub, dq, {kDotScale, kDotScale}, shared->rows, 2 * i * kRows,
                   qkv_rows(s, dqkv, 0, tile.head));
    if (partials != nullptr) {
      add_bias_gradient<K>(tile.group, sub, ds, shared->rows + 2 * i * kRows * kHeadDim,
                           shared->bins + dev::opaque(dev::warp()) * Window::kBins);
    }
  }
  if (partials == nullptr) return;
  dev::sync();
  for (int bin = dev::thread(); bin < Window::kBins; bin += kSlidingThreads) {
    float sum = 0;
    for (int w = 0; w < kSlidingWarps; ++w) sum += shared->bins[w * Window::kBins + bin];
    partials[dev::block() * Window::kBins + bin] = sum;
  }
}

template <int K>
void backward(Cuda& cuda, const WindowSizes& s, const Tensor& dout, const Tensor& qkv,
              const Tensor& rpb, NeighborhoodAttentionGrads& grads) {
  Tensor statistics = empty({s.tokens(), s.heads, 2}, DType::f32, kCuda), partials;
  if (rpb.defined()) {
    partials = empty({sliding_tiles(s, NarrowSides()), s.heads, SlidingWindow<K>::kBins},
                     DType::f32, kCuda);
  }
  auto* of_queries = reinterpret_cast<QueryStatistics*>(statistics.raw());
  dev::launch(
      cuda, "neighborhood_sliding_backward_queries",
      neighborhood_sliding_backward_queries_kernel<K>,
      {sliding_tiles(s, NarrowSides()) * s.heads, kSlidingThreads, sizeof(QueriesShared<K>)}, s,
      dout.data<bf16>(), qkv.data<bf16>(), data_or_null<float>(rpb), grads.dqkv.data<bf16>(),
      of_queries, data_or_null<float>(partials));
  sliding_window_backward_keys(cuda, s, dout, qkv, rpb, of_queries, grads.dqkv);
  if (rpb.defined()) reduce_bias_partials(cuda, partials, grads.drpb);
}

}  // namespace

bool sliding_window_backward_fits(const Cuda& cuda, const Tensor& qkv,
                                  const NeighborhoodWindow& window) {
  const WindowSizes s = window_sizes(qkv, window);
  const size_t limit = cuda.info().shared_per_block;
  if (window.kernel > 7) return wide_window_keys_shared(cuda, s) <= limit;
  size_t queries = 0;
  for_sliding_kernel(window.kernel, [&]<int K>() { queries = sizeof(QueriesShared<K>); });
  return std::max(queries, sliding_window_keys_shared(s)) <= limit;
}

void sliding_window_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                             const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  if (window.kernel > 7) return wide_window_backward(cuda, dout, qkv, rpb, window, grads);
  for_sliding_kernel(window.kernel, [&]<int K>() {
    backward<K>(cuda, window_sizes(qkv, window), dout, qkv, rpb, grads);
  });
}

}  // namespace vicinity::kernels
