// Rows of a layer normalisation: what layer_norm and residual share.
//   numerics  f32: mean, then variance of the centred values; sums over a row in a fixed order.
//             Products that meet sums are fused by name, so that both ops have the same bits
//   sizes     rows whose channels come in eights, up to 1536, stay in registers: 8 lanes a row for
//             64 channels at most, 16 for 128, a warp for 512, else two or three. Other rows are
//             read again from cache
#pragma once

#include <algorithm>

#include "core/cuda/pack.cuh"

namespace vicinity::kernels {

/// kLanes threads of a block share a row: lanes of a warp or whole warps. Thread t of them holds
/// the row's eights t, t + kLanes, ...
template <int lanes, int packs>
struct RowLayout {
  static constexpr int kLanes = lanes, kPacks = packs;
  static constexpr int kThreads = packs == 1 ? 384 : lanes == 96 ? 192 : 256;
  static constexpr int kRows = kThreads / lanes;  // of a block at a time
  static constexpr int kResident = 2;             // blocks of a multiprocessor, by registers
  static_assert(kThreads % lanes == 0);
};

/// Calls f with the layout for rows of `columns`; false where no layout fits.
template <class F>
bool for_row_layout(int64_t columns, F&& f) {
  if (columns % 8 != 0 || columns > 1536) return false;
  if (columns <= 64) {
    f.template operator()<RowLayout<8, 1>>();
  } else if (columns <= 128) {
    f.template operator()<RowLayout<16, 1>>();
  } else if (columns <= 256) {
    f.template operator()<RowLayout<32, 1>>();
  } else if (columns <= 512) {
    f.template operator()<RowLayout<32, 2>>();
  } else if (columns <= 768) {
    f.template operator()<RowLayout<96, 1>>();
  } else if (columns <= 1024) {
    f.template operator()<RowLayout<64, 2>>();
  } else {
    f.template operator()<RowLayout<96, 2>>();
  }
  return true;
}

/// First column of this thread's pack p.
template <class Layout>
DEV_FN int column_of(int p) {
  return (p * Layout::kLanes + dev::thread() % Layout::kLanes) * 8;
}

/// This thread's share of a row, zeros past its end.
template <class Layout, class T>
DEV_FN void load_row(const T* row, int columns, dev::Pack<T, 8> (&x)[Layout::kPacks]) {
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    const int c = column_of<Layout>(p);
    x[p] = c < columns ? dev::load_pack<8>(row + c) : dev::Pack<T, 8>{};
  }
}

/// Sum over the threads that share a row, in each of them. Every thread of a block calls it.
template <class Layout>
DEV_FN float row_sum(float x) {
  constexpr int kLanes = Layout::kLanes, kWarps = kLanes / dev::kWarp;
  DEV_UNROLL
  for (int mask = std::min(kLanes, dev::kWarp) / 2; mask > 0; mask /= 2)
    x += dev::shuffle_xor(x, mask);
  if constexpr (kWarps > 1) {
    DEV_SHARED(float, sums, Layout::kThreads / dev::kWarp);
    if (dev::lane() == 0) sums[dev::warp()] = x;
    dev::sync();
    const float* of_row = sums + dev::thread() / kLanes * kWarps;
    x = of_row[0];
    DEV_UNROLL
    for (int w = 1; w < kWarps; ++w) x += of_row[w];
    dev::sync();
  }
  return x;
}

struct RowStatistics {
  float mean, rstd;
};

DEV_FN float normalized(float x, const RowStatistics& s) {
  return dev::multiply(dev::subtract(x, s.mean), s.rstd);
}

template <class Layout, class T>
DEV_FN RowStatistics row_statistics(const dev::Pack<T, 8> (&x)[Layout::kPacks], int columns,
                                    float eps) {
  float sum = 0, squares = 0;
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) sum += dev::to_float(x[p].at[i]);
  }
  const float mean = dev::divide(row_sum<Layout>(sum), static_cast<float>(columns));
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    if (column_of<Layout>(p) >= columns) continue;
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float centred = dev::subtract(dev::to_float(x[p].at[i]), mean);
      squares = dev::fma(centred, centred, squares);
    }
  }
  squares = row_sum<Layout>(squares);
  return {mean, dev::rsqrt(dev::divide(squares, static_cast<float>(columns)) + eps)};
}

/// The same for a row of any length, read by a warp, a column a lane.
template <class T>
DEV_FN RowStatistics row_statistics(const T* row, int64_t columns, float eps) {
  float sum = 0, squares = 0;
  for (int64_t c = dev::lane(); c < columns; c += dev::kWarp) sum += dev::to_float(row[c]);
  const float mean = dev::divide(dev::warp_sum(sum), static_cast<float>(columns));
  for (int64_t c = dev::lane(); c < columns; c += dev::kWarp) {
    const float centred = dev::subtract(dev::to_float(row[c]), mean);
    squares = dev::fma(centred, centred, squares);
  }
  squares = dev::warp_sum(squares);
  return {mean, dev::rsqrt(dev::divide(squares, static_cast<float>(columns)) + eps)};
}

/// factors[sample of the row], 1 where there are none. `row` fits 32 bits, whose division is cheap.
DEV_FN float factor_of(const float* factors, int64_t row, int64_t per_sample) {
  if (factors == nullptr) return 1.0f;
  return factors[static_cast<uint32_t>(row) / static_cast<uint32_t>(per_sample)];
}

/// Blocks for a loop over groups of `rows_at_a_time` rows: two groups each, until there are `most`.
inline int64_t row_blocks(int64_t rows, int64_t rows_at_a_time, int64_t most) {
  return std::min(most, dev::ceil_div(rows, 2 * rows_at_a_time));
}

}  // namespace vicinity::kernels
