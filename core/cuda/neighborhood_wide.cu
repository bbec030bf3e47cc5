// Neighborhood attention of windows of 9, 11 and 13, forward (neighborhood_wide.cuh).
//   bytes     q and out once, k and v once from HBM; from L2 at most
//             (1 + (K - 1) / 12)^2 times, 3.4 at 11; once where a group is at most 12 x 12
//   numerics  scores, softmax and sums f32; probabilities round to bf16 before they meet v
//   sizes     a warp takes 16 queries and all their keys; at 11 and nine warps 77 KB of shared
//             memory, two blocks on a multiprocessor of compute capability 8.0 and 9.0
#include "core/cuda/neighborhood_sliding.cuh"
#include "core/cuda/neighborhood_wide.cuh"

namespace vicinity::kernels {
namespace {

using namespace sliding;

template <int K>
DEV_KERNEL void DEV_BOUNDS(WideSides::kMostThreads, 2)
    neighborhood_wide_forward_kernel(WindowSizes s, WideCut cut, const bf16* qkv, const float* rpb,
                                     bf16* out) {
  DEV_DYNAMIC_SHARED(bf16, memory);
  const WideShared shared(memory, cut, 1);
  const auto start = sliding_tile(s, cut.sides);
  if (start.sub_tiles() == 0) return;
  const HaloArea halo = wide_halo<K>(start, cut);
  const int warps = cut.sides.warps(), warp = dev::warp();
  copy_halo(start.group, qkv_rows(s, qkv, 1, start.head), halo, warps, shared.keys);
  copy_halo(start.group, qkv_rows(s, qkv, 2, start.head), halo, warps, shared.values);
  if (warp < start.sub_tiles()) {
    copy_sub_tile(start.group, SubTile(start, warp), qkv_rows(s, qkv, 0, start.head), shared.rows,
                  warp * kRows);
  }
  dev::copies_commit();
  WideBias<K>::fill(rpb, start.head, shared.bias, warps * dev::kWarp);
  if (dev::thread() == 0) *shared.tile = start;
  dev::copies_wait<0>();
  dev::sync();
  const SlidingTile<WideSides>& tile = *shared.tile;
  if (warp >= tile.sub_tiles()) return;
  const WideWindow<K> window(tile, SubTile(tile, warp), wide_halo<K>(tile, cut));
  uint32_t q[2][4], a[4];
  load_rows(q, shared.rows, warp * kRows);
  OnlineSoftmax<1> softmax;
  float o[4][4] = {};
  for (int pair = 0; pair < window.pairs; ++pair) {
    DEV_UNROLL
    for (int odd = 0; odd < 2; ++odd) {
      float p[1][2][4];
      window.scores(p[0], q, shared.keys, shared.bias, pair, odd);
      softmax.add(p, kScoreScale, [&](int, int x, float factor) {
        DEV_UNROLL
        for (int i = 0; i < 8; ++i) o[i / 2][2 * x + i % 2] *= factor;
      });
      pack_rows(a, p[0][0], p[0][1]);
      add_product(o, a, window.product(shared.values, pair, odd));
    }
  }
  store_sub_tile(tile.group, SubTile(tile, warp), o,
                 {1 / quad_sum(softmax.total[0][0]), 1 / quad_sum(softmax.total[0][1])},
                 shared.rows, warp * kRows, out_rows(s, out, tile.head));
}

}  // namespace

void wide_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                         const NeighborhoodWindow& window, Tensor& out) {
  const WindowSizes s = window_sizes(qkv, window);
  for_wide_kernel(window.kernel, [&]<int K>() {
    const auto bytes = [&](const WideSides& sides) {
      return WideShared::bytes(wide_cut(s, sides), 1, WideBias<K>::kSize);
    };
    const WideCut cut = wide_cut(s, wide_sides(s, cuda.info().shared_per_block, bytes));
    dev::launch(
        cuda, "neighborhood_wide_forward", neighborhood_wide_forward_kernel<K>,
        {sliding_tiles(s, cut.sides) * s.heads, cut.sides.warps() * dev::kWarp, bytes(cut.sides)},
        s, cut, qkv.data<bf16>(), data_or_null<float>(rpb), out.data<bf16>());
  });
}

}  // namespace vicinity::kernels
