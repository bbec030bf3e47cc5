// Backward of row_norm_forward.cuh: each row read once, kept in registers, its gradients written
// once; the parameters' gradients are summed by each thread for its own columns over its rows, in
// order, then over the block, then over the blocks.
#pragma once

#include "core/cuda/row_norm_backward_any.cuh"

namespace vicinity::kernels {

/// A thread's sums over rows for its own columns.
template <class Layout>
struct ThreadTotals {
  float w[Layout::kPacks][8] = {}, b[Layout::kPacks][8] = {}, gamma[Layout::kPacks][8] = {};
};

/// Statistics and means of a row, its share of the norm's parameter gradients added to the totals.
template <class Layout, class T>
DEV_FN void row_means(const dev::Pack<T, 8> (&up)[Layout::kPacks],
                      const dev::Pack<T, 8> (&x)[Layout::kPacks], const float* w, int columns,
                      bool real, const RowStatistics& s, RowMeans& mean,
                      ThreadTotals<Layout>& totals) {
  float sum = 0, dot = 0;
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    const int c = column_of<Layout>(p);
    if (c >= columns) continue;
    const dev::Pack<float, 8> weight = dev::load_pack<8>(w + c);
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float d = dev::to_float(up[p].at[i]), xhat = normalized(dev::to_float(x[p].at[i]), s);
      const float g = dev::multiply(d, weight.at[i]);
      sum += g;
      dot = dev::fma(g, xhat, dot);
      if (!real) continue;
      totals.w[p][i] = dev::fma(d, xhat, totals.w[p][i]);
      totals.b[p][i] += d;
    }
  }
  mean.g = dev::divide(row_sum<Layout>(sum), static_cast<float>(columns));
  mean.dot = dev::divide(row_sum<Layout>(dot), static_cast<float>(columns));
}

/// dbranch = weight dx, weight = factor gamma, for eight columns from c; gamma's gradient added to
/// its total.
template <class T>
DEV_FN void branch_gradient(const RowNormBackward<T>& a, int64_t at, int c, float factor,
                            const float (&dx)[8], float (&total)[8]) {
  dev::Pack<T, 8> out;
  if (a.gamma == nullptr) {
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) out.at[i] = dev::from_float<T>(factor * dx[i]);
  } else {
    const dev::Pack<T, 8> branch = dev::load_pack<8>(a.branch + at + c);
    const dev::Pack<float, 8> gamma = dev::load_pack<8>(a.gamma + c);
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      out.at[i] = dev::from_float<T>(gamma.at[i] * factor * dx[i]);
      total[i] = dev::fma(dev::multiply(dev::to_float(branch.at[i]), dx[i]), factor, total[i]);
    }
  }
  dev::store_pack(a.dbranch + at + c, out);
}

/// total[c] = the threads' sums over a block, in order. Every thread of the block calls it.
template <class Layout>
DEV_FN void add_threads(const float (&sums)[Layout::kPacks][8], int columns, float* total) {
  float folded[Layout::kPacks][8];
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      folded[p][i] = sums[p][i];
      DEV_UNROLL
      for (int mask = Layout::kLanes; mask < dev::kWarp; mask *= 2)
        folded[p][i] += dev::shuffle_xor(folded[p][i], mask);
    }
  }
  constexpr int kSharing = std::max(Layout::kLanes, dev::kWarp);  // threads of different columns
  const bool first = dev::thread() % kSharing < Layout::kLanes;
  for (int turn = 0; turn < Layout::kThreads / kSharing; ++turn) {
    DEV_UNROLL
    for (int p = 0; p < Layout::kPacks; ++p) {
      const int c = column_of<Layout>(p);
      if (turn != dev::thread() / kSharing || !first || c >= columns) continue;
      DEV_UNROLL
      for (int i = 0; i < 8; ++i)
        total[c + i] = turn == 0 ? folded[p][i] : total[c + i] + folded[p][i];
    }
    dev::sync();
  }
}

/// kBranch: dsum and a branch may be there.
template <class T, class Layout, bool kBranch>
DEV_KERNEL void DEV_BOUNDS(Layout::kThreads, Layout::kResident)
    row_norm_backward_kernel(RowNormBackward<T> a) {
  DEV_DYNAMIC_SHARED(float, block_totals);  // [kRowTotals, columns]
  const int columns = static_cast<int>(a.columns);
  ThreadTotals<Layout> totals;
  const int64_t step = dev::grid_size() * Layout::kRows;
  for (int64_t first = dev::block() * Layout::kRows; first < a.rows; first += step) {
    const int64_t row = first + dev::thread() / Layout::kLanes;
    const bool real = row < a.rows;  // past the end the last row is read again
    const int64_t at = (real ? row : a.rows - 1) * a.columns;
    dev::Pack<T, 8> up[Layout::kPacks] = {}, x[Layout::kPacks] = {};
    const float factor = kBranch && real ? factor_of(a.factors, row, a.per_sample) : 1.0f;
    RowStatistics s{};
    RowMeans mean{};
    if (a.dnormed != nullptr) {
      load_row<Layout>(a.x + at, columns, x);
      load_row<Layout>(a.dnormed + at, columns, up);
      s = row_statistics<Layout>(x, columns, a.eps);
      row_means<Layout>(up, x, a.w, columns, real, s, mean, totals);
    }
    DEV_UNROLL
    for (int p = 0; p < Layout::kPacks; ++p) {
      const int c = column_of<Layout>(p);
      if (!real || c >= columns) continue;
      float dx[8] = {};
      if (kBranch && a.dsum != nullptr) {
        const dev::Pack<T, 8> above = dev::load_pack<8>(a.dsum + at + c);
        DEV_UNROLL
        for (int i = 0; i < 8; ++i) dx[i] = dev::to_float(above.at[i]);
      }
      if (a.dnormed != nullptr) {
        const dev::Pack<float, 8> w = dev::load_pack<8>(a.w + c);
        DEV_UNROLL
        for (int i = 0; i < 8; ++i) {
          const float xhat = normalized(dev::to_float(x[p].at[i]), s);
          dx[i] = input_gradient(dx[i], dev::to_float(up[p].at[i]), w.at[i], xhat, s.rstd, mean);
        }
      }
      dev::Pack<T, 8> out;
      DEV_UNROLL
      for (int i = 0; i < 8; ++i) out.at[i] = dev::from_float<T>(dx[i]);
      dev::store_pack(a.dx + at + c, out);
      if (kBranch && a.dbranch != nullptr) branch_gradient(a, at, c, factor, dx, totals.gamma[p]);
    }
  }
  add_threads<Layout>(totals.w, columns, block_totals);
  add_threads<Layout>(totals.b, columns, block_totals + columns);
  if constexpr (kBranch) add_threads<Layout>(totals.gamma, columns, block_totals + 2 * columns);
  const int count = (kBranch ? 3 : 2) * columns;
  float* partials = a.partials + dev::block() * kRowTotals * columns;
  for (int i = dev::thread(); i < count; i += Layout::kThreads) partials[i] = block_totals[i];
}

/// The kernels for this shape, then the sums over their blocks.
template <bool kBranch, class T>
void row_norm_backward(Cuda& cuda, const char* name, RowNormBackward<T> a,
                       const std::array<float*, kRowTotals>& totals) {
  VIC_ASSERT(a.rows <= UINT32_MAX);
  Tensor partials;
  const bool in_registers =
      dev::aligned(a.dsum, a.dnormed, a.x, a.branch, a.gamma, a.w, a.dx, a.dbranch) &&
      for_row_layout(a.columns, [&]<class Layout>() {
        const int64_t blocks = row_blocks(a.rows, Layout::kRows, kMostParts);
        partials = empty({blocks, kRowTotals, a.columns}, DType::f32, kCuda);
        a.partials = partials.data<float>();
        dev::launch(cuda, name, row_norm_backward_kernel<T, Layout, kBranch>,
                    {blocks, Layout::kThreads, sizeof(float) * kRowTotals * a.columns}, a);
      });
  if (!in_registers) partials = row_norm_backward_any(cuda, name, a);
  add_partials(cuda, partials, totals);
}

}  // namespace vicinity::kernels
