// Dense-group neighborhood attention, forward: one block = one dilation group of one image, two
// heads where they pair up. Each key of a group is needed by nearly all of its queries, so the
// group's products are computed whole and masked.
//   bytes     qkv once, out once: 8 C per token; 128 (one head: 64) in a row, whatever the dilation
//   numerics  scores and softmax in f32, all keys of a query at once; exp(score - maximum) rounds
//             to bf16 for the product with v, their sum in f32 divides after it
//   sizes     a warp takes 16 queries; 26 KB of shared memory and 64 registers leave room for four
//             blocks of two heads, whose loads cover each other's arithmetic
#include "core/cuda/neighborhood_dense.cuh"

#include "core/cuda/neighborhood_dense_group.cuh"

namespace vicinity::kernels {
namespace {

using namespace dense;

constexpr int kTensors = 3;  // q, k, v
constexpr size_t kSharedPerHead = kTensors * kTile * sizeof(bf16) + kBiasTable * sizeof(float);

/// y += p x, where p covers 16 queries and all keys: two of its tiles are one left operand.
template <int kRows>
DEV_FN void multiply_add_keys(const float (&p)[kRows][4], const bf16* x,
                              float (&y)[kHeadDim / 8][4]) {
  uint32_t packed[kSide][2] = {};
  DEV_UNROLL
  for (int n = 0; n < kRows; ++n) {
    packed[n][0] = dev::pack_bf16(p[n][0], p[n][1]);
    packed[n][1] = dev::pack_bf16(p[n][2], p[n][3]);
  }
  DEV_UNROLL
  for (int n = 0; n < kRows; n += 2) {
    multiply_add({packed[n][0], packed[n][1], packed[n + 1][0], packed[n + 1][1]}, x, n * kSide, y);
  }
}

template <int kHeads, int kRows>
DEV_KERNEL void DEV_BOUNDS(kHeads* kThreadsPerHead, (kRows == 7 ? 8 : 6) / kHeads)
    dense_group_forward_kernel(Map map, const bf16* qkv, const float* rpb, bf16* out) {
  DEV_DYNAMIC_SHARED(bf16, tiles);
  const int block = static_cast<int>(dev::block()), blocks_per_group = map.heads / kHeads;
  const int first_head = block % blocks_per_group * kHeads;
  const int channels = map.channels();
  const Group group(map, block / blocks_per_group);
  gather<kHeads, kTensors>(group, qkv + first_head * kHeadDim, 3 * channels, channels, tiles,
                           kTensors * kTile);
  dev::copies_commit();
  float* bias = reinterpret_cast<float*>(tiles + kHeads * kTensors * kTile);
  load_bias<kHeads>(rpb, map, first_head, bias);
  dev::copies_wait<0>();
  dev::sync();

  const int head = dev::warp() / kWarpsPerHead, row = dev::warp() % kWarpsPerHead * 16;
  bf16* q = tiles + head * kTensors * kTile;
  const bf16 *k = q + kTile, *v = k + kTile;
  float p[kRows][4], sums[2], y[kHeadDim / 8][4] = {};
  start_scores(bias + head * kBiasTable, row, p);
  multiply_transposed(q, row, k, p);
  exponentials(group, map.kernel, row, p, sums);
  multiply_add_keys(p, v, y);
  scatter(y, {dev::divide(1.0f, sums[0]), dev::divide(1.0f, sums[1])}, q, row, group,
          out + (first_head + head) * kHeadDim, channels);
}

}  // namespace

bool dense_group_fits(const Tensor& qkv, const NeighborhoodWindow& window) {
  return qkv.dtype() == DType::bf16 && qkv.dim(3) == 3 * kHeadDim * window.heads &&
         dev::ceil_div(qkv.dim(1), window.dilation) <= kSide &&
         dev::ceil_div(qkv.dim(2), window.dilation) <= kSide;
}

void dense_group_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                         const NeighborhoodWindow& window, Tensor& out) {
  for_group_shape(qkv, window, [&]<int kHeads, int kRows>() {
    const LaunchShape shape{groups_of(qkv, window) * (window.heads / kHeads),
                            kHeads * kThreadsPerHead, kHeads * kSharedPerHead};
    dev::launch(cuda, "dense_group_forward", dense_group_forward_kernel<kHeads, kRows>, shape,
                map_of(qkv, window), qkv.data<bf16>(), data_or_null<float>(rpb), out.data<bf16>());
  });
}

}  // namespace vicinity::kernels
