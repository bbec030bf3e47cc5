// y = LayerNorm(x) or, with a branch, sum = x + factor gamma branch and y = LayerNorm(sum): each
// row read once, kept in registers, written once.
#pragma once

#include "core/cuda/row_norm.cuh"

namespace vicinity::kernels {

/// What is absent is null: the branch with gamma, factors and sum; normed with w and b.
template <class T>
struct RowNormForward {
  const T *x, *branch;
  const float *gamma, *factors, *w, *b;
  T *sum, *normed;
  int64_t rows, columns, per_sample;
  float eps;
};

/// x + weight branch in the storage type, weight = factor gamma.
template <class T>
DEV_FN T add_branch(T x, T branch, float weight) {
  return dev::from_float<T>(dev::fma(weight, dev::to_float(branch), dev::to_float(x)));
}

/// x[p] += weight branch, rounded.
template <class Layout, class T>
DEV_FN void add_branch_row(const T* branch, const float* gamma, float factor, int columns,
                           dev::Pack<T, 8> (&x)[Layout::kPacks]) {
  dev::Pack<T, 8> b[Layout::kPacks];
  load_row<Layout>(branch, columns, b);
  DEV_UNROLL
  for (int p = 0; p < Layout::kPacks; ++p) {
    const int c = column_of<Layout>(p);
    dev::Pack<float, 8> g{};
    if (gamma != nullptr && c < columns) g = dev::load_pack<8>(gamma + c);
    DEV_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float weight = gamma != nullptr ? g.at[i] * factor : factor;
      if (c < columns) x[p].at[i] = add_branch(x[p].at[i], b[p].at[i], weight);
    }
  }
}

template <class T, class Layout, bool kBranch>
DEV_KERNEL void DEV_BOUNDS(Layout::kThreads, Layout::kResident)
    row_norm_forward_kernel(RowNormForward<T> a) {
  const int columns = static_cast<int>(a.columns);
  dev::Pack<float, 8> w[Layout::kPacks] = {}, b[Layout::kPacks] = {};
  if (a.normed != nullptr) {
    load_row<Layout>(a.w, columns, w);
    load_row<Layout>(a.b, columns, b);
  }
  const int64_t step = dev::grid_size() * Layout::kRows;
  for (int64_t first = dev::block() * Layout::kRows; first < a.rows; first += step) {
    const int64_t row = first + dev::thread() / Layout::kLanes;
    const bool real = row < a.rows;  // past the end the last row is read again
    const int64_t at = (real ? row : a.rows - 1) * a.columns;
    dev::Pack<T, 8> x[Layout::kPacks];
    load_row<Layout>(a.x + at, columns, x);
    if constexpr (kBranch) {
      const float factor = factor_of(a.factors, real ? row : a.rows - 1, a.per_sample);
      add_branch_row<Layout>(a.branch + at, a.gamma, factor, columns, x);
      DEV_UNROLL
      for (int p = 0; p < Layout::kPacks; ++p) {
        const int c = column_of<Layout>(p);
        if (real && c < columns) dev::store_pack(a.sum + at + c, x[p]);
      }
    }
    if (a.normed == nullptr) continue;
    const RowStatistics s = row_statistics<Layout>(x, columns, a.eps);
    DEV_UNROLL
    for (int p = 0; p < Layout::kPacks; ++p) {
      const int c = column_of<Layout>(p);
      DEV_UNROLL
      for (int i = 0; i < 8; ++i) {
        const float xhat = normalized(dev::to_float(x[p].at[i]), s);
        x[p].at[i] = dev::from_float<T>(dev::fma(xhat, w[p].at[i], b[p].at[i]));
      }
      if (real && c < columns) dev::store_pack(a.normed + at + c, x[p]);
    }
  }
}

/// Rows of any length: a warp each, read up to three times.
template <class T, bool kBranch>
DEV_KERNEL void row_norm_forward_any_kernel(RowNormForward<T> a) {
  const int64_t row = dev::block() * (dev::block_size() / dev::kWarp) + dev::warp();
  if (row >= a.rows) return;
  const int64_t at = row * a.columns;
  const T* x = a.x + at;
  if constexpr (kBranch) {
    const float factor = factor_of(a.factors, row, a.per_sample);
    for (int64_t c = dev::lane(); c < a.columns; c += dev::kWarp) {
      const float weight = a.gamma != nullptr ? a.gamma[c] * factor : factor;
      a.sum[at + c] = add_branch(x[c], a.branch[at + c], weight);
    }
    x = a.sum + at;  // each lane reads what it wrote itself
  }
  if (a.normed == nullptr) return;
  const RowStatistics s = row_statistics(x, a.columns, a.eps);
  for (int64_t c = dev::lane(); c < a.columns; c += dev::kWarp) {
    const float xhat = normalized(dev::to_float(x[c]), s);
    a.normed[at + c] = dev::from_float<T>(dev::fma(xhat, a.w[c], a.b[c]));
  }
}

template <bool kBranch, class T>
void row_norm_forward(Cuda& cuda, const char* name, const RowNormForward<T>& a) {
  constexpr int64_t kMostBlocks = 1056;  // two to four waves on an H100's 132 multiprocessors
  constexpr int kAnyThreads = 256;
  VIC_ASSERT(a.rows <= UINT32_MAX);
  const bool in_registers =
      dev::aligned(a.x, a.branch, a.gamma, a.w, a.b, a.sum, a.normed) &&
      for_row_layout(a.columns, [&]<class Layout>() {
        dev::launch(cuda, name, row_norm_forward_kernel<T, Layout, kBranch>,
                    {row_blocks(a.rows, Layout::kRows, kMostBlocks), Layout::kThreads}, a);
      });
  if (in_registers) return;
  dev::launch(cuda, name, row_norm_forward_any_kernel<T, kBranch>,
              {dev::ceil_div(a.rows, int64_t{kAnyThreads / dev::kWarp}), kAnyThreads}, a);
}

}  // namespace vicinity::kernels
