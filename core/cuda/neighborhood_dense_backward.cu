// Dense-group neighborhood attention, backward: scores and probabilities are computed again, all
// five products once. A block owns its heads and walks over dilation groups of all images, summing
// the bias gradient in shared memory.
//   bytes     qkv and dout once, dqkv once: 14 C per token; partial sums of the bias gradient, at
//             most 792 x 169 floats, twice
//   numerics  p, dp and ds = p (dp - sum(p dp)) in f32; p and ds round to bf16 for the products and
//             the bias gradient, which sums in f32 by block, then over blocks, both in fixed order
//   sizes     67 KB of shared memory and 80 registers leave room for three blocks of two heads
//             (groups of 8 rows: 128 registers, two blocks)
#include <algorithm>

#include "core/cuda/neighborhood_dense.cuh"
#include "core/cuda/neighborhood_dense_group.cuh"

namespace vicinity::kernels {
namespace {

using namespace dense;

constexpr int kTensors = 4;  // q, k, v, dout
constexpr int kWide = kSlots * kSlots;
constexpr int kValuesPerHead = kTensors * kTile + 2 * kWide;  // and p, ds
constexpr int kMostBins = 13 * 13;  // of a window of 7, the largest in groups of 8
constexpr size_t kSharedPerHead =
    kValuesPerHead * sizeof(bf16) + (kBiasTable + kMostBins) * sizeof(float);
constexpr int kHeadsInFlight = 132 * 6;  // what an H100 holds at once; also bounds the partial sums

/// p and ds of 16 queries from slot `row` on, into their tiles. Beyond kRows ds is 0; p is left as
/// it was, which only reaches gradients of keys that do not exist.
template <int kRows>
DEV_FN void probabilities_backward(const Group& group, int kernel, int row, const bf16* q,
                                   const bf16* k, const bf16* v, const bf16* dout,
                                   const float* bias, bf16* p_tile, bf16* ds_tile) {
  float p[kRows][4], dp[kRows][4] = {}, sums[2];
  start_scores(bias, row, p);
  multiply_transposed(q, row, k, p);
  exponentials(group, kernel, row, p, sums);
  multiply_transposed(dout, row, v, dp);
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    const float factor = dev::divide(1.0f, sums[half]);
    float delta = 0;
    DEV_UNROLL
    for (int n = 0; n < kRows; ++n) {
      DEV_UNROLL
      for (int i = 2 * half; i < 2 * half + 2; ++i) {
        p[n][i] *= factor;
        delta = dev::fma(p[n][i], dp[n][i], delta);
      }
    }
    delta = quad_sum(delta);
    DEV_UNROLL
    for (int n = 0; n < kSide; ++n) {
      const int pair =
          (row + 8 * half) * kSlots + at_wide(dev::lane() / 4, n) + dev::lane() % 4 * 2;
      uint32_t ds = 0;
      if (n < kRows) {
        const float(&left)[4] = p[n < kRows ? n : 0], (&right)[4] = dp[n < kRows ? n : 0];
        const int i = 2 * half;
        *reinterpret_cast<uint32_t*>(p_tile + pair) = dev::pack_bf16(left[i], left[i + 1]);
        ds = dev::pack_bf16(left[i] * (right[i] - delta), left[i + 1] * (right[i + 1] - delta));
      }
      *reinterpret_cast<uint32_t*>(ds_tile + pair) = ds;
    }
  }
}

DEV_FN void set_zero(float (&y)[kHeadDim / 8][4]) {
  DEV_UNROLL
  for (int n = 0; n < kHeadDim / 8; ++n) {
    DEV_UNROLL
    for (int i = 0; i < 4; ++i) y[n][i] = 0;
  }
}

/// y = wide x for 16 queries from `row` on, over the keys.
DEV_FN void multiply_keys(const bf16* wide, int row, const bf16* x, float (&y)[kHeadDim / 8][4]) {
  const int matrix = dev::lane() / 8, own = matrix % 2 * 8 + dev::lane() % 8;
  set_zero(y);
  DEV_UNROLL
  for (int first = 0; first < kSlots; first += 16) {
    uint32_t left[4];
    dev::load_matrices(left, wide + row * kSlots + at_wide(own, first / 8 + matrix / 2));
    multiply_add(left, x, first, y);
  }
}

/// y = wide^T x for 16 keys from `row` on, over the queries.
DEV_FN void multiply_queries(const bf16* wide, int row, const bf16* x,
                             float (&y)[kHeadDim / 8][4]) {
  const int matrix = dev::lane() / 8, chunk = row / 8 + matrix % 2;
  set_zero(y);
  DEV_UNROLL
  for (int first = 0; first < kSlots; first += 16) {
    uint32_t left[4];
    dev::load_matrices_transposed(
        left, wide + first * kSlots + at_wide(matrix / 2 * 8 + dev::lane() % 8, chunk));
    multiply_add(left, x, first, y);
  }
}

/// sums += ds by offset, over the queries whose key at the offset lies in the group; ds is 0 where
/// the window does not reach. Each thread of the head owns bins.
DEV_FN void add_to_bins(const Group& group, int kernel, int row, const bf16* ds, float* sums) {
  const int side = 2 * kernel - 1;
  for (int bin = row / 16 * dev::kWarp + dev::lane(); bin < side * side; bin += kThreadsPerHead) {
    const int dy = bin / side - kernel + 1, dx = bin % side - kernel + 1;
    const int y_end = dev::min(group.rows, group.rows - dy);
    const int x_end = dev::min(group.cols, group.cols - dx);
    float sum = 0;
    for (int y = dev::max(0, -dy); y < y_end; ++y) {
      for (int x = dev::max(0, -dx); x < x_end; ++x) {
        sum += dev::to_float(ds[at_wide(y * kSide + x, y + dy) + x + dx]);
      }
    }
    sums[bin] += sum;
  }
}

/// partials: [walks, heads, bins], null without a bias.
template <int kHeads, int kRows>
DEV_KERNEL void DEV_BOUNDS(kHeads* kThreadsPerHead, (kRows == 7 ? 6 : 4) / kHeads)
    dense_group_backward_kernel(Map map, int groups, int walks, const bf16* dout, const bf16* qkv,
                                const float* rpb, bf16* dqkv, float* partials) {
  DEV_DYNAMIC_SHARED(bf16, tiles);
  const int block = static_cast<int>(dev::block()), blocks_per_walk = map.heads / kHeads;
  const int first_head = block % blocks_per_walk * kHeads, walk = block / blocks_per_walk;
  const int channels = map.channels(), side = 2 * map.kernel - 1, bins = side * side;
  float* biases = reinterpret_cast<float*>(tiles + kHeads * kValuesPerHead);
  float* sums = biases + kHeads * kBiasTable;
  load_bias<kHeads>(rpb, map, first_head, biases);
  for (int i = dev::thread(); i < kHeads * kMostBins; i += kHeads * kThreadsPerHead) sums[i] = 0;
  for (int index = walk; index < groups; index += walks) {
    const Group group(map, index);
    gather<kHeads, 3>(group, qkv + first_head * kHeadDim, 3 * channels, channels, tiles,
                      kValuesPerHead);
    gather<kHeads, 1>(group, dout + first_head * kHeadDim, channels, 0, tiles + 3 * kTile,
                      kValuesPerHead);
    dev::copies_commit();
    dev::copies_wait<0>();
    dev::sync();

    // By way of a shuffle, so that the compiler keeps no address of the loop in a register.
    const int warp = dev::shuffle(dev::warp(), 0);
    const int head = warp / kWarpsPerHead, row = warp % kWarpsPerHead * 16;
    bf16* q = tiles + head * kValuesPerHead;
    bf16 *k = q + kTile, *v = k + kTile, *dy = v + kTile, *p = dy + kTile, *ds = p + kWide;
    probabilities_backward<kRows>(group, map.kernel, row, q, k, v, dy, biases + head * kBiasTable,
                                  p, ds);
    dev::sync();  // p and ds are there, v is free

    float y[kHeadDim / 8][4];
    bf16* to = dqkv + (first_head + head) * kHeadDim;
    multiply_keys(ds, row, k, y);
    scatter(y, {kScale, kScale}, v, row, group, to, 3 * channels);
    multiply_queries(ds, row, q, y);
    scatter(y, {kScale, kScale}, v, row, group, to + channels, 3 * channels);
    multiply_queries(p, row, dy, y);
    scatter(y, {1, 1}, v, row, group, to + 2 * channels, 3 * channels);
    if (partials != nullptr) add_to_bins(group, map.kernel, row, ds, sums + head * kMostBins);
    dev::sync();  // the tiles are free
  }
  if (partials == nullptr) return;
  partials += (int64_t{walk} * map.heads + first_head) * bins;
  for (int i = dev::thread(); i < kHeads * bins; i += kHeads * kThreadsPerHead) {
    partials[i] = sums[i / bins * kMostBins + i % bins];
  }
}

}  // namespace

void dense_group_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv, const Tensor& rpb,
                          const NeighborhoodWindow& window, NeighborhoodAttentionGrads& grads) {
  const int64_t groups = groups_of(qkv, window);
  // At least two groups each where there are: half the partial sums.
  const int64_t walks = std::min(dev::ceil_div(groups, int64_t{2}),
                                 std::max(int64_t{1}, kHeadsInFlight / window.heads));
  Tensor partials;
  if (rpb.defined()) {
    partials = empty({walks, window.heads, rpb.size() / window.heads}, DType::f32, kCuda);
  }
  for_group_shape(qkv, window, [&]<int kHeads, int kRows>() {
    const LaunchShape shape{walks * (window.heads / kHeads), kHeads * kThreadsPerHead,
                            kHeads * kSharedPerHead};
    dev::launch(cuda, "dense_group_backward", dense_group_backward_kernel<kHeads, kRows>, shape,
                map_of(qkv, window), groups, walks, dout.data<bf16>(), qkv.data<bf16>(),
                data_or_null<float>(rpb), grads.dqkv.data<bf16>(), data_or_null<float>(partials));
  });
  if (rpb.defined()) reduce_bias_partials(cuda, partials, grads.drpb);
}

}  // namespace vicinity::kernels
