// The gradient of the relative position bias of windows of 9, 11 and 13: each warp sums its
// sub-tile's dS along diagonals, then a thread per bin adds up what the block's sub-tiles have.
#pragma once

#include "core/cuda/neighborhood_wide.cuh"

namespace vicinity::kernels::sliding {

/// The bias gradient of a sub-tile. By row of keys r, row of queries y and diagonal d = column +
/// 3 - query's column, sums belong to cell (r + 3 - y, d); dS goes through `scratch`, skewed such
/// that a diagonal is a column, a lane each.
template <int K>
struct BiasCells {
  static constexpr int kRows = K + 2 * kSide - 2;  // at most
  static constexpr int kDiagonals = kColumns + kSide - 1;
  static constexpr int kCells = kRows * kDiagonals;
  static constexpr int kPitch = 25, kRowPitch = 101;  // of scratch: all stores of a warp at once
  static constexpr int kScratch = (kSide - 1) * (kRowPitch + kPitch) + kDiagonals;
  static_assert(kScratch * sizeof(float) <= 2 * kSide * kSide * kHeadDim * sizeof(bf16));

  float* scratch;
  float* cells;
  float sums[kSide] = {};  // of cells r to r + 3, when row r comes
  int row = 0;

  DEV_FN BiasCells(bf16* rows_of_warp, float* cells_of_warp)
      : scratch(reinterpret_cast<float*>(rows_of_warp)), cells(cells_of_warp) {
    dev::sync_warp();
    for (int i = dev::lane(); i < kScratch; i += dev::kWarp) scratch[i] = 0;
    dev::sync_warp();
  }
  /// The next row of keys.
  DEV_FN void add(const float (&ds)[2][4]) {
    const int g = dev::lane() / 4, t = dev::lane() % 4;
    float* to = scratch + g / kSide * kRowPitch + g % kSide * (kPitch - 1) + kSide - 1 + 2 * t;
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      to[i / 2 % 2 * (8 / kSide) * kRowPitch + i / 4 * 8 + i % 2] = ds[i / 4][i % 4];
    }
    dev::sync_warp();
    if (dev::lane() < kDiagonals) {
      DEV_UNROLL
      for (int q = 0; q < kSide * kSide; ++q) {
        sums[kSide - 1 - q / kSide] +=
            scratch[q / kSide * kRowPitch + q % kSide * kPitch + dev::lane()];
      }
    }
    dev::sync_warp();
    finish_cells();
  }
  /// The cells that no row was the last of.
  DEV_FN void finish() {
    DEV_UNROLL
    for (int i = 1; i < kSide; ++i) finish_cells();
  }

 private:
  DEV_FN void finish_cells() {
    if (dev::lane() < kDiagonals) cells[row * kDiagonals + dev::lane()] = sums[0];
    DEV_UNROLL
    for (int i = 1; i < kSide; ++i) sums[i - 1] = sums[i];
    sums[kSide - 1] = 0;
    ++row;
  }
};

/// The bin of a sub-tile's first cell, and how many rows of cells it has.
struct CellsOrigin {
  int row, col, rows;

  template <int K>
  DEV_FN CellsOrigin(const WideWindow<K>& window, const SubTile& sub)
      : row(window.row - sub.row + K - kSide),
        col(window.col - sub.col + K - kSide),
        rows(2 * window.pairs + kSide - 1) {}
};

/// Behind WideShared.
template <int K>
struct CellsShared {
  float* cells;
  CellsOrigin* origins;

  DEV_FN CellsShared(const WideShared& shared, int warps)
      : cells(shared.bias + WideBias<K>::kSize),
        origins(reinterpret_cast<CellsOrigin*>(cells + warps * BiasCells<K>::kCells)) {}
  static size_t bytes(int warps) {
    return static_cast<size_t>(warps) *
           (BiasCells<K>::kCells * sizeof(float) + sizeof(CellsOrigin));
  }
};

/// The block's part of drpb, a thread per bin.
template <int K>
DEV_FN void sum_cells(const CellsShared<K>& shared, int sub_tiles, int threads, float* partial) {
  using Cells = BiasCells<K>;
  for (int bin = dev::thread(); bin < WideBias<K>::kBins; bin += threads) {
    float sum = 0;
    for (int i = 0; i < sub_tiles; ++i) {
      const CellsOrigin origin = shared.origins[i];
      const int row = bin / WideBias<K>::kSide - origin.row,
                col = bin % WideBias<K>::kSide - origin.col;
      if (row < 0 || row >= origin.rows || col < 0 || col >= Cells::kDiagonals) continue;
      sum += shared.cells[i * Cells::kCells + row * Cells::kDiagonals + col];
    }
    partial[bin] = sum;
  }
}

}  // namespace vicinity::kernels::sliding
