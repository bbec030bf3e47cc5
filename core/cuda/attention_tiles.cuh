// Pieces of the bf16 attention kernels: tiles of rows in shared memory, their products on tensor
// cores, softmax on the fly. Names of fragments follow dev::mma_16816: g = lane / 4, t = lane % 4.
#pragma once

#include "core/cuda/attention.cuh"
#include "core/cuda/online_softmax.cuh"

namespace vicinity::kernels::tiles {

/// The item and the first row of a warp that owns `rows` rows.
struct Place {
  int item, first;

  DEV_FN Place(const AttentionShape& shape, int rows) {
    const int of_block = dev::block_size() / dev::kWarp * rows;
    const int blocks = dev::ceil_div(shape.tokens, of_block);
    const int block = static_cast<int>(dev::block());
    item = block / blocks;
    first = block % blocks * of_block + dev::warp() * rows;
  }
};

/// 64 rows of D channels. Chunks of a row are permuted such that one column of eight rows lies in
/// all banks.
template <int D>
struct Tile {
  static constexpr int kRows = 64, kChunks = D / 8;
  dev::Chunk chunks[kRows * kChunks];

  /// Of row base + row. Multiples of eight are bases, whose part of the address does not depend on
  /// the lane.
  DEV_FN dev::Chunk* at(int base, int row, int chunk) {
    return chunks + base * kChunks + row * kChunks + (chunk ^ row * kChunks / 8 % kChunks);
  }
};

/// Rows of two kinds that are used together.
template <int D>
struct TilePair {
  Tile<D> x, y;

  /// Copies rows from `first` on. The last step of 16 is whole, zeros behind the last token; rows
  /// beyond are left as they are.
  DEV_FN void copy(const HeadRows<const bf16>& from_x, const HeadRows<const bf16>& from_y,
                   int first) {
    constexpr int kChunks = Tile<D>::kChunks;
    const int rows = dev::min(Tile<D>::kRows, dev::ceil_div(from_x.tokens - first, 16) * 16);
    for (int i = dev::thread(); i < rows * kChunks; i += dev::block_size()) {
      const int row = i / kChunks, chunk = i % kChunks, token = first + row;
      const bool inside = token < from_x.tokens;
      dev::copy_16(x.at(0, row, chunk), from_x.row(inside ? token : 0) + 8 * chunk, inside);
      dev::copy_16(y.at(0, row, chunk), from_y.row(inside ? token : 0) + 8 * chunk, inside);
    }
  }
};

/// 16 rows as the first operand of products, from global memory. Behind the last token it is read
/// again: what comes of such rows is not stored.
template <int D>
DEV_FN void load_rows(uint32_t (&a)[D / 16][4], const HeadRows<const bf16>& x, int first) {
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int row = dev::min(first + dev::lane() / 4 + 8 * half, x.tokens - 1);
    const auto* from = reinterpret_cast<const uint32_t*>(x.row(row)) + dev::lane() % 4;
    DEV_UNROLL
    for (int c = 0; c < D / 16; ++c) {
      a[c][half] = from[8 * c];
      a[c][2 + half] = from[8 * c + 4];
    }
  }
}

/// s += a b^T for a step of 16 rows of a tile, which become columns: two groups of eight. The
/// second is left out where only `columns` <= 8 are there. Only the first kActive groups of rows in
/// `a` are used.
template <int kActive, int D, int kRowTiles>
DEV_FN void add_row_products(float (&s)[kActive][2][4], const uint32_t (&a)[kRowTiles][D / 16][4],
                             Tile<D>& b, int first, int columns) {
  DEV_UNROLL
  for (int c = 0; c < D / 32; ++c) {
    DEV_UNROLL
    for (int j = 0; j < 2; ++j) {
      if (8 * j >= columns) continue;
      uint32_t x[4];
      dev::load_matrices(x, b.at(first + 8 * j, dev::lane() % 8, 4 * c + dev::lane() / 8));
      const uint32_t low[2] = {x[0], x[1]}, high[2] = {x[2], x[3]};
      DEV_UNROLL
      for (int r = 0; r < kActive; ++r) dev::mma_16816(s[r][j], a[r][2 * c], low);
      DEV_UNROLL
      for (int r = 0; r < kActive; ++r) dev::mma_16816(s[r][j], a[r][2 * c + 1], high);
    }
  }
}

/// sums += w x for a step of 16 rows of a tile.
template <int kActive, int D, int kRowTiles>
DEV_FN void add_weighted_rows(float (&sums)[kRowTiles][D / 8][4], const float (&w)[kActive][2][4],
                              Tile<D>& x, int first) {
  uint32_t a[kActive][4];
  DEV_UNROLL
  for (int i = 0; i < 4 * kActive; ++i) {
    const float(&group)[4] = w[i / 4][i % 4 / 2];
    a[i / 4][i % 4] = dev::pack_bf16(group[i % 2 * 2], group[i % 2 * 2 + 1]);
  }
  DEV_UNROLL
  for (int c = 0; c < D / 16; ++c) {
    uint32_t b[4];
    dev::load_matrices_transposed(b, x.at(first, dev::lane() % 16, 2 * c + dev::lane() / 16));
    const uint32_t low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
    DEV_UNROLL
    for (int r = 0; r < kActive; ++r) {
      dev::mma_16816(sums[r][2 * c], a[r], low);
      dev::mma_16816(sums[r][2 * c + 1], a[r], high);
    }
  }
}

/// Lane t of four gets word t of each: whole chunks of a row, where each lane held a piece of all.
DEV_FN void transpose_quad(uint32_t (&x)[4]) {
  DEV_UNROLL
  for (int bit = 1; bit < 4; bit *= 2) {
    const bool upper = (dev::lane() & bit) != 0;
    DEV_UNROLL
    for (int i = 0; i < 4; ++i) {
      if (i & bit) continue;
      const uint32_t other = dev::shuffle_xor(upper ? x[i] : x[i + bit], bit);
      (upper ? x[i] : x[i + bit]) = other;
    }
  }
}

/// 16 rows of x from `first` on = sums * factors, those of g and of g + 8.
template <int D>
DEV_FN void store_rows(const HeadRows<bf16>& x, int first, const float (&sums)[D / 8][4],
                       const float (&factors)[2]) {
  DEV_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int row = first + dev::lane() / 4 + 8 * half;
    DEV_UNROLL
    for (int c = 0; c < D / 32; ++c) {
      uint32_t words[4];
      DEV_UNROLL
      for (int i = 0; i < 4; ++i) {
        const float(&pair)[4] = sums[4 * c + i];
        words[i] =
            dev::pack_bf16(pair[2 * half] * factors[half], pair[2 * half + 1] * factors[half]);
      }
      transpose_quad(words);
      if (row < x.tokens) {
        auto* to = reinterpret_cast<dev::Chunk*>(x.row(row)) + 4 * c + dev::lane() % 4;
        *to = {words[0], words[1], words[2], words[3]};
      }
    }
  }
}

/// x = value in the columns from `columns` on.
template <int kActive>
DEV_FN void set_columns_behind(float (&x)[kActive][2][4], int columns, float value) {
  if (columns >= 16) return;
  DEV_UNROLL
  for (int i = 0; i < 8 * kActive; ++i) {
    if (i / 4 % 2 * 8 + dev::lane() % 4 * 2 + i % 2 >= columns) x[i / 8][i / 4 % 2][i % 4] = value;
  }
}

/// The rows of a tile in steps of 16: step(first row, rows there). Whole ones know it when they are
/// compiled.
template <class Step>
DEV_FN void for_steps(int rows, Step step) {
  int first = 0;
  for (; first + 16 <= rows; first += 16) step(first, 16);
  if (first < rows) step(first, rows - first);
}

}  // namespace vicinity::kernels::tiles
