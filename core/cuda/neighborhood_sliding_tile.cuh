// What the sliding-window kernels share. A block serves a tile of positions of one group and head,
// a warp at a time 4 x 4 of them: the 16 rows of an mma. Shared memory holds rows of 32 channels.
#pragma once

#include <cmath>
#include <type_traits>

#include "core/cuda/neighborhood_window.cuh"

namespace vicinity::kernels::sliding {

constexpr int kHeadDim = 32;
constexpr int kSide = 4;  // positions of a warp along each axis
constexpr int kRows = kSide * kSide;
constexpr float kLog2E = 1.4426950408889634f;
constexpr float kDotScale = 0.17677669529663687f;  // 1 / sqrt(kHeadDim)
constexpr float kScoreScale = kDotScale * kLog2E;  // of scores in powers of 2

/// Element of a 16-byte chunk of a row. Chunks change places so that any eight consecutive rows
/// give all banks.
DEV_FN int swizzled(int row, int chunk) { return row * kHeadDim + (chunk ^ (row >> 1 & 3)) * 8; }

/// Positions of a block along each axis, for windows up to 7: two sub-tiles for each warp.
struct NarrowSides {
  static constexpr int height = 16, width = 16, kMostThreads = 8 * dev::kWarp;
  DEV_FN static constexpr int warps() { return 8; }
  DEV_FN static constexpr int most_sub_tiles() { return 16; }
};
/// For windows from 9 on: multiples of 4, at most 12, by what the map divides into. A warp for each
/// sub-tile.
struct WideSides {
  static constexpr int kMostAlong = 3, kMostThreads = kMostAlong * kMostAlong * dev::kWarp;
  int height, width;
  DEV_FN constexpr int warps() const { return height * width / kRows; }
  DEV_FN constexpr int most_sub_tiles() const { return warps(); }
};
template <int K>
using SidesOf = std::conditional_t<(K > 7), WideSides, NarrowSides>;

/// The positions of a block: from (row, col) on those inside the group. Heads of one place are
/// neighbours in the grid: they share cache lines.
template <class Sides>
struct SlidingTile : Sides {
  DilationGroup group;
  int head, row, col;

  DEV_FN int last_row() const { return dev::min(row + this->height, group.rows) - 1; }
  DEV_FN int last_col() const { return dev::min(col + this->width, group.cols) - 1; }
  DEV_FN int sub_cols() const { return dev::ceil_div(dev::max(0, last_col() - col + 1), kSide); }
  /// Those that hold a position.
  DEV_FN int sub_tiles() const {
    return dev::ceil_div(dev::max(0, last_row() - row + 1), kSide) * sub_cols();
  }
};

DEV_FN constexpr int tiles_along(int tokens, int dilation, int side) {
  return dev::ceil_div(group_length(tokens, 0, dilation), side);
}
template <class Sides>
int64_t sliding_tiles(const WindowSizes& s, const Sides& sides) {
  return int64_t{s.images} * s.dilation * s.dilation *
         tiles_along(s.height, s.dilation, sides.height) *
         tiles_along(s.width, s.dilation, sides.width);
}
template <class Sides>
DEV_FN SlidingTile<Sides> sliding_tile(const WindowSizes& s, const Sides& sides) {
  int64_t rest = dev::block();
  const auto next = [&](int count) {
    const int index = static_cast<int>(rest % count);
    rest /= count;
    return index;
  };
  const int head = next(s.heads), x = next(tiles_along(s.width, s.dilation, sides.width)),
            y = next(tiles_along(s.height, s.dilation, sides.height)), phase_x = next(s.dilation),
            phase_y = next(s.dilation);
  return {sides, dilation_group(s, static_cast<int>(rest), phase_y, phase_x), head,
          y * sides.height, x * sides.width};
}

template <class F>
void for_sliding_kernel(int64_t kernel, F&& f) {
  if (kernel == 3) return f.template operator()<3>();
  if (kernel == 5) return f.template operator()<5>();
  VIC_ASSERT(kernel == 7, "sliding windows of ", kernel);
  f.template operator()<7>();
}

/// 4 x 4 positions of a tile; the warp's lane computes those of its mma rows g and g + 8.
struct SubTile {
  int row, col;

  template <class Tile>
  DEV_FN SubTile(const Tile& tile, int index)
      : row(tile.row + index / tile.sub_cols() * kSide),
        col(tile.col + index % tile.sub_cols() * kSide) {}
  DEV_FN int row_of(int mma_row) const { return row + mma_row / kSide; }
  DEV_FN int col_of(int mma_row) const { return col + mma_row % kSide; }
  DEV_FN bool holds(const DilationGroup& group, int mma_row) const {
    return row_of(mma_row) < group.rows && col_of(mma_row) < group.cols;
  }
};

/// Rows of one head of a tensor: where its channels begin, elements per token.
template <class Pointer>
struct HeadRows {
  Pointer channels;
  int pitch;

  DEV_FN Pointer at(int64_t token) const { return channels + token * pitch; }
};
/// part: q, k, v = 0, 1, 2.
template <class Pointer>
DEV_FN HeadRows<Pointer> qkv_rows(const WindowSizes& s, Pointer qkv, int part, int head) {
  return {qkv + part * s.channels() + head * kHeadDim, 3 * s.channels()};
}
template <class Pointer>
DEV_FN HeadRows<Pointer> out_rows(const WindowSizes& s, Pointer out, int head) {
  return {out + head * kHeadDim, s.channels()};
}

/// Starts copies of rows x cols positions from (row, col), the block's warps together; zeros from
/// row_end and col_end on.
struct HaloArea {
  int row, col, rows, cols, row_end, col_end, pitch;
};
DEV_FN void copy_halo(const DilationGroup& group, const HeadRows<const bf16*>& from,
                      const HaloArea& area, int warps, bf16* to) {
  for (int r = dev::warp(); r < area.rows; r += warps) {
    for (int i = dev::lane(); i < area.cols * 4; i += dev::kWarp) {
      const int c = i / 4, chunk = i % 4;
      const bool valid = area.row + r < area.row_end && area.col + c < area.col_end;
      const int64_t token = valid ? group.token(area.row + r, area.col + c) : group.origin;
      dev::copy_16(to + swizzled(r * area.pitch + c, chunk), from.at(token) + chunk * 8, valid);
    }
  }
}

/// Starts copies of a warp's 16 rows to rows `first` on, zeros where there is no position.
DEV_FN void copy_sub_tile(const DilationGroup& group, const SubTile& sub,
                          const HeadRows<const bf16*>& from, bf16* to, int first) {
  for (int i = dev::lane(); i < kRows * 4; i += dev::kWarp) {
    const int r = i / 4, chunk = i % 4;
    const bool valid = sub.holds(group, r);
    const int64_t token = valid ? group.token(sub.row_of(r), sub.col_of(r)) : group.origin;
    dev::copy_16(to + swizzled(first + r, chunk), from.at(token) + chunk * 8, valid);
  }
}

/// Writes mma results of 16 rows x 32 channels to their tokens, through the rows `first` on of
/// shared memory, which the warp has no more use for.
DEV_FN void store_sub_tile(const DilationGroup& group, const SubTile& sub, const float (&d)[4][4],
                           const float (&factor)[2], bf16* shared, int first,
                           const HeadRows<bf16*>& to) {
  const int lane = dev::opaque(dev::lane()), g = lane / 4, t = lane % 4;
  dev::sync_warp();
  DEV_UNROLL
  for (int n = 0; n < 4; ++n) {
    DEV_UNROLL
    for (int x = 0; x < 2; ++x) {
      auto* pair = reinterpret_cast<uint32_t*>(shared + swizzled(first + g + 8 * x, n) + 2 * t);
      *pair = dev::pack_bf16(d[n][2 * x] * factor[x], d[n][2 * x + 1] * factor[x]);
    }
  }
  dev::sync_warp();
  for (int i = lane; i < kRows * 4; i += dev::kWarp) {
    const int r = i / 4, chunk = i % 4;
    if (!sub.holds(group, r)) continue;
    bf16* at = to.at(group.token(sub.row_of(r), sub.col_of(r))) + chunk * 8;
    *reinterpret_cast<dev::Chunk*>(at) =
        *reinterpret_cast<const dev::Chunk*>(shared + swizzled(first + r, chunk));
  }
}

/// 16 rows of 32 channels as the left operand.
DEV_FN void load_rows(uint32_t (&a)[2][4], const bf16* shared, int first) {
  const int lane = dev::opaque(dev::lane()), row = first + lane % 16, half = lane / 16;
  dev::load_matrices(a[0], shared + swizzled(row, half));
  dev::load_matrices(a[1], shared + swizzled(row, 2 + half));
}

/// d += a b^T, b: 8 rows of 32 channels. `at`: of row lane % 8, chunk lane / 8.
DEV_FN void add_transposed(float (&d)[4], const uint32_t (&a)[2][4], const void* at) {
  uint32_t b[4];
  dev::load_matrices(b, at);
  dev::mma_16816(d, a[0], {b[0], b[1]});
  dev::mma_16816(d, a[1], {b[2], b[3]});
}
/// d = a b^T.
DEV_FN void multiply_transposed(float (&d)[4], const uint32_t (&a)[2][4], const void* at) {
  DEV_UNROLL
  for (int e = 0; e < 4; ++e) d[e] = 0;
  add_transposed(d, a, at);
}

/// The lane's addresses of 16 rows of 32 channels: of row lane % 16, chunks lane / 16 and + 2.
struct Pair {
  const void *low, *high;
};
/// d += a b, b: 16 rows of 32 channels.
DEV_FN void add_product(float (&d)[4][4], const uint32_t (&a)[4], const Pair& at) {
  uint32_t b[4];
  dev::load_matrices_transposed(b, at.low);
  dev::mma_16816(d[0], a, {b[0], b[1]});
  dev::mma_16816(d[1], a, {b[2], b[3]});
  dev::load_matrices_transposed(b, at.high);
  dev::mma_16816(d[2], a, {b[0], b[1]});
  dev::mma_16816(d[3], a, {b[2], b[3]});
}

/// Two mma results side by side as the left operand of the next product.
DEV_FN void pack_rows(uint32_t (&a)[4], const float (&low)[4], const float (&high)[4]) {
  a[0] = dev::pack_bf16(low[0], low[1]);
  a[1] = dev::pack_bf16(low[2], low[3]);
  a[2] = dev::pack_bf16(high[0], high[1]);
  a[3] = dev::pack_bf16(high[2], high[3]);
}

/// Keeps the compiler from loading further ahead than registers last.
DEV_FN void fence_loads() { dev::sync_warp(); }

}  // namespace vicinity::kernels::sliding
