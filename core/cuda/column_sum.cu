// Column sums: bound by reading x.
//   bytes     x once; partial sums of at most 264 blocks twice
//   numerics  f32 sums: of every so-manieth row by each thread, of the threads of a block, of the
//             blocks in order; which rows meet is a function of the shape
//   sizes     a row of at most 256 columns is a tile, wider ones several; a block takes a tile of
//             some rows
#include "core/ops/column_sum.h"

#include <algorithm>

#include "core/cuda/pack.cuh"
#include "core/cuda/partials.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / dev::kWarp;
constexpr int kAhead = 4;  // rows of a thread under way together

/// Adds what lanes of a warp hold of the same columns; kLanes lanes share a row.
template <int kLanes>
DEV_FN float sum_over_rows_of_warp(float x) {
  for (int mask = kLanes; mask < dev::kWarp; mask *= 2) x += dev::shuffle_xor(x, mask);
  return x;
}

/// partials: [parts, columns]. kLanes lanes share a tile's row, kCount columns each.
template <class T, int kCount, int kLanes>
DEV_KERNEL void column_sum_forward_kernel(const T* x, float* partials, int64_t rows,
                                          int64_t columns) {
  constexpr int kTile = kLanes * kCount, kRows = kThreads / kLanes;
  DEV_SHARED(float, sums, kWarps* kTile);
  const int64_t tiles = dev::ceil_div(columns, int64_t{kTile}), parts = dev::grid_size() / tiles;
  const int64_t part = dev::block() / tiles, tile = dev::block() % tiles * kTile;
  const int own = dev::lane() % kLanes * kCount;  // first own column of the tile
  float sum[kCount] = {};
  for (int64_t row = part * kRows + dev::thread() / kLanes; row < rows;
       row += kAhead * parts * kRows) {
    dev::Pack<T, kCount> values[kAhead];
    DEV_UNROLL
    for (int k = 0; k < kAhead; ++k) {
      const int64_t r = row + k * parts * kRows;
      values[k] = r < rows && tile + own < columns
                      ? dev::load_pack<kCount>(x + r * columns + tile + own)
                      : dev::Pack<T, kCount>{};
    }
    DEV_UNROLL
    for (int k = 0; k < kAhead; ++k) {
      DEV_UNROLL
      for (int i = 0; i < kCount; ++i) sum[i] += dev::to_float(values[k].at[i]);
    }
  }
  DEV_UNROLL
  for (int i = 0; i < kCount; ++i) {
    const float total = sum_over_rows_of_warp<kLanes>(sum[i]);
    if (dev::lane() < kLanes) sums[dev::warp() * kTile + own + i] = total;
  }
  dev::sync();
  const int c = dev::thread();
  if (c >= kTile || tile + c >= columns) return;
  float total = sums[c];
  for (int w = 1; w < kWarps; ++w) total += sums[w * kTile + c];
  partials[part * columns + tile + c] = total;
}

template <class T, int kCount, int kLanes>
void sum_columns(Cuda& cuda, const Tensor& x, Tensor& y) {
  constexpr int64_t kTile = kLanes * kCount, kRowsOfBlock = kThreads / kLanes * kAhead;
  static_assert(kTile <= kThreads);
  const int64_t rows = x.rows(), columns = x.dim(-1), tiles = dev::ceil_div(columns, kTile);
  const int64_t most = std::max<int64_t>(1, 2 * kMostParts / tiles);
  const int64_t parts = std::min({most, kMostParts, dev::ceil_div(rows, kRowsOfBlock)});
  Tensor partials = empty({parts, 1, columns}, DType::f32, kCuda);
  dev::launch(cuda, "column_sum_forward", column_sum_forward_kernel<T, kCount, kLanes>,
              {parts * tiles, kThreads}, x.data<T>(), partials.data<float>(), rows, columns);
  add_partials(cuda, partials, {y.data<float>()});
}

}  // namespace

void column_sum_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  const int64_t columns = x.dim(-1);
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    if (columns % 8 != 0 || !dev::aligned(x.data<T>())) return sum_columns<T, 1, 32>(cuda, x, y);
    if (columns <= 64) return sum_columns<T, 8, 8>(cuda, x, y);
    if (columns <= 128) return sum_columns<T, 8, 16>(cuda, x, y);
    sum_columns<T, 8, 32>(cuda, x, y);
  });
}

}  // namespace vicinity::kernels
