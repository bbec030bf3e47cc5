// Neighborhood attention of sliding windows, forward (neighborhood_sliding_tile.cuh).
//   bytes     q and out once, k and v once from HBM; from L2 (1 + (K - 1) / 16)^2 times: 1.9 at 7
//   numerics  scores, softmax and sums f32; probabilities round to bf16 before they meet v
// A block's 16 x 16 queries: larger tiles read fewer keys twice, but two blocks no longer fit on a
// multiprocessor.
#include "core/cuda/neighborhood_sliding.cuh"

#include "core/cuda/neighborhood_sliding_queries.cuh"

namespace vicinity::kernels {
namespace {

using namespace sliding;

template <int K>
struct ForwardShared {
  bf16 keys[SlidingWindow<K>::kHaloRows * kHeadDim];
  bf16 values[SlidingWindow<K>::kHaloRows * kHeadDim];
  bf16 queries[kSubTiles * kRows * kHeadDim];
  float bias[SlidingWindow<K>::kBiasSize];
  uint32_t masks[SlidingWindow<K>::kMasks];
  SlidingTile<NarrowSides> tile;  // waits here: registers are for scores
};

template <int K>
DEV_KERNEL void DEV_BOUNDS(kSlidingThreads, 2)
    neighborhood_sliding_forward_kernel(WindowSizes s, const bf16* qkv, const float* rpb,
                                        bf16* out) {
  using Window = SlidingWindow<K>;
  DEV_DYNAMIC_SHARED(ForwardShared<K>, shared);
  const auto start = sliding_tile(s, NarrowSides());
  if (start.sub_tiles() == 0) return;
  const HaloArea halo = key_halo<K>(start);
  copy_halo(start.group, qkv_rows(s, qkv, 1, start.head), halo, kSlidingWarps, shared->keys);
  copy_halo(start.group, qkv_rows(s, qkv, 2, start.head), halo, kSlidingWarps, shared->values);
  for (int i = dev::warp(); i < start.sub_tiles(); i += kSlidingWarps) {
    copy_sub_tile(start.group, SubTile(start, i), qkv_rows(s, qkv, 0, start.head), shared->queries,
                  i * kRows);
  }
  dev::copies_commit();
  fill_bias<K>(rpb, start.head, shared->bias);
  fill_masks<K>(shared->masks);
  if (dev::thread() == 0) shared->tile = start;
  dev::copies_wait<0>();
  dev::sync();
  const SlidingTile<NarrowSides>& tile = shared->tile;
  for (int i = dev::warp(); i < tile.sub_tiles(); i += kSlidingWarps) {
    const SubTile sub(tile, i);
    const QueryWindow<K> window(tile, sub, key_halo<K>(tile), shared->masks);
    uint32_t q[2][4];
    load_rows(q, shared->queries, i * kRows);
    float p[2 * Window::kSteps][4], top[2], sum[2], o[4][4] = {};
    window_softmax(p, window, q, shared->keys, shared->bias, top, sum);
    DEV_UNROLL
    for (int j = 0; j < Window::kSteps; ++j) {
      uint32_t a[4];
      pack_rows(a, p[2 * j], p[2 * j + 1]);
      add_product(o, a, window.pair(shared->values, j));
    }
    store_sub_tile(tile.group, sub, o, {1 / sum[0], 1 / sum[1]}, shared->queries, i * kRows,
                   out_rows(s, out, tile.head));
  }
}

template <int K>
void forward(Cuda& cuda, const WindowSizes& s, const Tensor& qkv, const Tensor& rpb, Tensor& out) {
  dev::launch(
      cuda, "neighborhood_sliding_forward", neighborhood_sliding_forward_kernel<K>,
      {sliding_tiles(s, NarrowSides()) * s.heads, kSlidingThreads, sizeof(ForwardShared<K>)}, s,
      qkv.data<bf16>(), data_or_null<float>(rpb), out.data<bf16>());
}

}  // namespace

bool sliding_window_fits(const Tensor& qkv, const NeighborhoodWindow& window) {
  return qkv.dtype() == DType::bf16 && qkv.dim(3) == 3 * window.heads * kHeadDim;
}

void sliding_window_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                            const NeighborhoodWindow& window, Tensor& out) {
  if (window.kernel > 7) return wide_window_forward(cuda, qkv, rpb, window, out);
  for_sliding_kernel(window.kernel,
                     [&]<int K>() { forward<K>(cuda, window_sizes(qkv, window), qkv, rpb, out); });
}

}  // namespace vicinity::kernels
