// What the dense-group kernels share: one dilation group as 64 slots in shared memory, slot 8 y + x
// for token (y, x) of the group. So a matrix tile of 8 keys is one row of the group, and the 16
// queries of a warp are rows 2 w and 2 w + 1: in a fragment, rows and columns of the group are
// constants of the unrolled loop or of the lane. Slots without a token hold zeros.
#pragma once

#include <cmath>

#include "core/cuda/neighborhood_window.cuh"
#include "core/cuda/online_softmax.cuh"
#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels::dense {

inline constexpr int kSide = 8;  // most tokens of a group along an axis
inline constexpr int kSlots = kSide * kSide;
inline constexpr int kHeadDim = 32;
inline constexpr int kTile = kSlots * kHeadDim;  // values of one tensor of one head
inline constexpr int kSteps = kHeadDim / 16;     // inner steps of a product over a head
inline constexpr int kWarpsPerHead = kSlots / 16;
inline constexpr int kThreadsPerHead = kWarpsPerHead * dev::kWarp;
inline constexpr int kBiasPitch = 16;  // a table of offsets -7 .. 7 along each axis
inline constexpr int kBiasTable = (2 * kSide - 1) * kBiasPitch;
inline constexpr float kLog2e = 1.44269504f;
inline constexpr float kScale = 0.17677670f;  // 1 / sqrt(kHeadDim)

/// The map and its window, as kernels take them.
struct Map {
  int height, width, heads, kernel, dilation;
  DEV_FN int channels() const { return heads * kHeadDim; }
};

inline Map map_of(const Tensor& qkv, const NeighborhoodWindow& window) {
  const auto narrow = [](int64_t x) { return static_cast<int>(x); };
  return {narrow(qkv.dim(1)), narrow(qkv.dim(2)), narrow(window.heads), narrow(window.kernel),
          narrow(window.dilation)};
}

/// Dilation groups of all images.
inline int64_t groups_of(const Tensor& qkv, const NeighborhoodWindow& window) {
  return qkv.dim(0) * window.dilation * window.dilation;
}

/// Calls f with two constants. Heads of one block: two where they pair up, so that a token's values
/// fill lines of 128 bytes. Rows of keys that the groups need: 7 save an eighth.
template <class F>
void for_group_shape(const Tensor& qkv, const NeighborhoodWindow& window, F&& f) {
  const bool pairs = window.heads % 2 == 0;
  if (dev::ceil_div(qkv.dim(1), window.dilation) <= 7) {
    return pairs ? f.template operator()<2, 7>() : f.template operator()<1, 7>();
  }
  pairs ? f.template operator()<2, 8>() : f.template operator()<1, 8>();
}

struct Group {
  int origin;  // its first token in the batch; memory holds fewer than 2^31
  int rows, cols, row_step, col_step;

  DEV_FN Group(const Map& map, int index) {
    const int d = map.dilation, image = index / (d * d), y = index / d % d, x = index % d;
    origin = (image * map.height + y) * map.width + x;
    rows = dev::ceil_div(map.height - y, d);
    cols = dev::ceil_div(map.width - x, d);
    row_step = d * map.width;
    col_step = d;
  }
  DEV_FN bool holds(int slot) const { return slot / kSide < rows && slot % kSide < cols; }
  DEV_FN int token(int slot) const {
    return origin + slot / kSide * row_step + slot % kSide * col_step;
  }
};

/// Where 8 neighbouring values of a slot lie in a tile of 32 columns, and of 64: such that the 8
/// rows that a matrix load reads at once fall into different banks.
DEV_FN int at(int slot, int chunk) { return slot * kHeadDim + (chunk ^ (slot / 2 % 4)) * 8; }
DEV_FN int at_wide(int slot, int chunk) { return slot * kSlots + (chunk ^ slot % 8) * 8; }

/// Starts copies of a group's values, heads of the block side by side in `from` (one row of `width`
/// values per token), of one or more tensors `apart` from each other in the row, into consecutive
/// tiles at `to` for each head; `head_stride` lies between two heads' tiles.
template <int kHeads, int kTensors>
DEV_FN void gather(const Group& group, const bf16* from, int width, int apart, bf16* to,
                   int head_stride) {
  constexpr int kChunks = kHeads * kHeadDim / 8, kSlotsPerWarp = dev::kWarp / kChunks;
  const int head = dev::lane() % kChunks / 4, chunk = dev::lane() % 4;
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int slot = dev::warp() * kSlotsPerWarp + dev::lane() / kChunks + half * (kSlots / 2);
    const bool valid = group.holds(slot);
    const int token = valid ? group.token(slot) : group.origin;
    const bf16* values = from + int64_t{token} * width + head * kHeadDim + chunk * 8;
    bf16* tile = to + head * head_stride + at(slot, chunk);
    DEV_UNROLL
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      dev::copy_16(tile + tensor * kTile, values + tensor * apart, valid);
    }
  }
}

/// The bias by offset, in units of q . k before the scale; zeros without one and for offsets that
/// no window reaches.
template <int kHeads>
DEV_FN void load_bias(const float* rpb, const Map& map, int first_head, float* table) {
  const int side = 2 * map.kernel - 1;
  for (int i = dev::thread(); i < kHeads * kBiasTable; i += kHeads * kThreadsPerHead) {
    const int head = i / kBiasTable, y = i % kBiasTable / kBiasPitch - kSide + map.kernel,
              x = i % kBiasPitch - kSide + map.kernel;
    const bool inside = rpb != nullptr && y >= 0 && y < side && x >= 0 && x < side;
    table[i] = inside ? rpb[((first_head + head) * side + y) * side + x] * (1 / kScale) : 0.0f;
  }
}

/// The address that this lane gives for the 16 x 16 values at (row, 16 step) of a tile: plain, a
/// left operand with those rows; transposed, a right operand with those inner indices. `row` is a
/// multiple of 16, which leaves the order of chunks alone: kept out of at(), it is a constant.
DEV_FN const bf16* block_at(const bf16* tile, int row, int step) {
  const int matrix = dev::lane() / 8;
  return tile + row * kHeadDim + at(matrix % 2 * 8 + dev::lane() % 8, 2 * step + matrix / 2);
}

/// y += x[16 rows from `row`] keys^T, a tile of 8 columns per row of the group.
template <int kRows>
DEV_FN void multiply_transposed(const bf16* x, int row, const bf16* keys, float (&y)[kRows][4]) {
  uint32_t left[kSteps][4];
  DEV_UNROLL
  for (int step = 0; step < kSteps; ++step) {
    dev::load_matrices(left[step], block_at(x, row, step));
  }
  DEV_UNROLL
  for (int n = 0; n < kRows; ++n) {
    uint32_t right[4];
    dev::load_matrices(right, keys + n * kSide * kHeadDim + at(dev::lane() % 8, dev::lane() / 8));
    dev::mma_16816(y[n], left[0], {right[0], right[1]});
    dev::mma_16816(y[n], left[1], {right[2], right[3]});
  }
}

/// y += left x[16 rows from `row`].
DEV_FN void multiply_add(const uint32_t (&left)[4], const bf16* x, int row,
                         float (&y)[kHeadDim / 8][4]) {
  DEV_UNROLL
  for (int step = 0; step < kSteps; ++step) {
    uint32_t right[4];
    dev::load_matrices_transposed(right, block_at(x, row, step));
    dev::mma_16816(y[2 * step], left, {right[0], right[1]});
    dev::mma_16816(y[2 * step + 1], left, {right[2], right[3]});
  }
}

/// s = the bias of 16 queries from `row` on.
template <int kRows>
DEV_FN void start_scores(const float* bias, int row, float (&s)[kRows][4]) {
  const int x = dev::lane() / 4, key_x = dev::lane() % 4 * 2, y = row / kSide;
  bias += (kSide - 1 - y) * kBiasPitch + kSide - 1 - x + key_x;
  DEV_UNROLL
  for (int n = 0; n < kRows; ++n) {
    DEV_UNROLL
    for (int i = 0; i < 4; ++i) s[n][i] = bias[(n - i / 2) * kBiasPitch + i % 2];
  }
}

/// s: q . k and bias of 16 queries from `row` on -> exp(score - maximum), 0 outside the window.
/// sums: of each of the lane's two queries, row + lane / 4 and + 8.
template <int kRows>
DEV_FN void exponentials(const Group& group, int kernel, int row, float (&s)[kRows][4],
                         float (&sums)[2]) {
  const int key_x = dev::lane() % 4 * 2;
  const unsigned columns =
      ((1u << kernel) - 1) << window_start(dev::lane() / 4, group.cols, kernel) >> key_x & 3;
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    // Bit 2 n + e: key (n, key_x + e) lies in the window. The columns' two bits, once per row.
    const unsigned rows = (0x5555u & ((1u << 2 * kernel) - 1))
                          << 2 * window_start(row / kSide + half, group.rows, kernel);
    const unsigned seen = rows * columns;
    float most = -INFINITY;
    DEV_UNROLL
    for (int n = 0; n < kRows; ++n) {
      DEV_UNROLL
      for (int e = 0; e < 2; ++e) {
        float& score = s[n][2 * half + e];
        score = (seen >> (2 * n + e) & 1) != 0 ? score : -INFINITY;
        most = dev::max(most, score);
      }
    }
    most = quad_max(most);
    float sum = 0;
    DEV_UNROLL
    for (int n = 0; n < kRows; ++n) {
      DEV_UNROLL
      for (int e = 0; e < 2; ++e) {
        float& score = s[n][2 * half + e];
        score = dev::exp2_fast(dev::fma(score, kScale * kLog2e, -most * (kScale * kLog2e)));
        sum += score;
      }
    }
    sums[half] = quad_sum(sum);
  }
}

/// Writes 16 rows of y, each lane's two times their factors, to the group's tokens from slot `row`
/// on in `to` (one row of `width` values per token), by way of those rows of the tile `stage`.
DEV_FN void scatter(const float (&y)[kHeadDim / 8][4], const float (&factors)[2], bf16* stage,
                    int row, const Group& group, bf16* to, int width) {
  stage += row * kHeadDim;
  dev::sync_warp();
  DEV_UNROLL
  for (int n = 0; n < kHeadDim / 8; ++n) {
    DEV_UNROLL
    for (int half = 0; half < 2; ++half) {
      bf16* pair = stage + 8 * half * kHeadDim + at(dev::lane() / 4, n) + dev::lane() % 4 * 2;
      *reinterpret_cast<uint32_t*>(pair) =
          dev::pack_bf16(y[n][2 * half] * factors[half], y[n][2 * half + 1] * factors[half]);
    }
  }
  dev::sync_warp();
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int own = dev::lane() / 4 + 8 * half, chunk = dev::lane() % 4, slot = row + own;
    if (group.holds(slot)) {
      *reinterpret_cast<dev::Chunk*>(to + int64_t{group.token(slot)} * width + chunk * 8) =
          *reinterpret_cast<const dev::Chunk*>(stage + at(own, chunk));
    }
  }
}

}  // namespace vicinity::kernels::dense
