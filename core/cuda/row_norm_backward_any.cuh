// Backward of row_norm_forward.cuh for rows of any length, in two passes: statistics of each row,
// then gradients by tiles of 32 columns. Reads x and dnormed twice as often as rows in registers.
#pragma once

#include "core/cuda/partials.cuh"
#include "core/cuda/row_norm.cuh"

namespace vicinity::kernels {

constexpr int kRowTotals = 3;  // gradients of the norm's weight and bias, of the layer scale

/// What is absent is null: dsum, dnormed (with w), gamma (with branch), factors, dbranch.
template <class T>
struct RowNormBackward {
  const T *dsum, *dnormed, *x, *branch;  // x: the rows that were normalised
  const float *gamma, *factors, *w;
  T *dx, *dbranch;
  int64_t rows, columns, per_sample;
  float eps;
  float* partials;  // [parts, kRowTotals, columns]
};

/// Means over a row: of g = w dnormed and of g xhat.
struct RowMeans {
  float g, dot;
};

/// above + rstd (g - mean(g) - xhat mean(g xhat))
DEV_FN float input_gradient(float above, float up, float w, float xhat, float rstd,
                            const RowMeans& mean) {
  return dev::fma(rstd, dev::fma(-xhat, mean.dot, dev::fma(up, w, -mean.g)), above);
}

/// For rows of any length.
struct RowSummary {
  RowStatistics statistics;
  RowMeans mean;
};

constexpr int kAnyWarps = 8;

/// A warp per row.
template <class T>
DEV_KERNEL void row_norm_summary_kernel(RowNormBackward<T> a, RowSummary* summaries) {
  const int64_t row = dev::block() * kAnyWarps + dev::warp();
  if (row >= a.rows) return;
  const T *x = a.x + row * a.columns, *up = a.dnormed + row * a.columns;
  const RowStatistics s = row_statistics(x, a.columns, a.eps);
  float sum = 0, dot = 0;
  for (int64_t c = dev::lane(); c < a.columns; c += dev::kWarp) {
    const float g = dev::multiply(dev::to_float(up[c]), a.w[c]);
    sum += g;
    dot = dev::fma(g, normalized(dev::to_float(x[c]), s), dot);
  }
  const auto columns = static_cast<float>(a.columns);
  const RowMeans mean{dev::divide(dev::warp_sum(sum), columns),
                      dev::divide(dev::warp_sum(dot), columns)};
  if (dev::lane() == 0) summaries[row] = {s, mean};
}

/// Gradients of one element; what it adds to its column's totals.
template <class T>
DEV_FN void any_gradient(const RowNormBackward<T>& a, const RowSummary* summaries, int64_t row,
                         int64_t c, float (&totals)[kRowTotals]) {
  const int64_t at = row * a.columns + c;
  float dx = a.dsum != nullptr ? dev::to_float(a.dsum[at]) : 0.0f;
  if (a.dnormed != nullptr) {
    const auto [s, mean] = summaries[row];
    const float up = dev::to_float(a.dnormed[at]), xhat = normalized(dev::to_float(a.x[at]), s);
    dx = input_gradient(dx, up, a.w[c], xhat, s.rstd, mean);
    totals[0] = dev::fma(up, xhat, totals[0]);
    totals[1] += up;
  }
  a.dx[at] = dev::from_float<T>(dx);
  if (a.dbranch == nullptr) return;
  const float factor = factor_of(a.factors, row, a.per_sample);
  const float weight = a.gamma != nullptr ? a.gamma[c] * factor : factor;
  a.dbranch[at] = dev::from_float<T>(weight * dx);
  if (a.gamma == nullptr) return;
  totals[2] = dev::fma(dev::multiply(dev::to_float(a.branch[at]), dx), factor, totals[2]);
}

/// A block per tile of 32 columns and part of the rows, whose rows its warps share.
template <class T>
DEV_KERNEL void row_norm_backward_any_kernel(RowNormBackward<T> a, const RowSummary* summaries) {
  DEV_SHARED(float, sums, kRowTotals* kAnyWarps* dev::kWarp);
  const int64_t tiles = dev::ceil_div(a.columns, int64_t{dev::kWarp});
  const int64_t parts = dev::grid_size() / tiles, part = dev::block() / tiles;
  const int64_t c = dev::block() % tiles * dev::kWarp + dev::lane();
  float totals[kRowTotals] = {};
  for (int64_t row = part * kAnyWarps + dev::warp(); row < a.rows && c < a.columns;
       row += parts * kAnyWarps)
    any_gradient(a, summaries, row, c, totals);
  DEV_UNROLL
  for (int i = 0; i < kRowTotals; ++i)
    sums[(i * kAnyWarps + dev::warp()) * dev::kWarp + dev::lane()] = totals[i];
  dev::sync();
  if (dev::warp() >= kRowTotals || c >= a.columns) return;
  float total = 0;
  for (int w = 0; w < kAnyWarps; ++w)
    total += sums[(dev::warp() * kAnyWarps + w) * dev::kWarp + dev::lane()];
  a.partials[(part * kRowTotals + dev::warp()) * a.columns + c] = total;
}

/// The partial sums.
template <class T>
Tensor row_norm_backward_any(Cuda& cuda, const char* name, RowNormBackward<T> a) {
  constexpr int kThreads = kAnyWarps * dev::kWarp;
  constexpr int64_t kFloats = sizeof(RowSummary) / sizeof(float);
  const Tensor scratch = empty({a.rows, kFloats}, DType::f32, kCuda);
  auto* summaries = reinterpret_cast<RowSummary*>(scratch.raw());
  if (a.dnormed != nullptr)
    dev::launch(cuda, "row_norm_summary", row_norm_summary_kernel<T>,
                {dev::ceil_div(a.rows, int64_t{kAnyWarps}), kThreads}, a, summaries);
  const int64_t parts = row_blocks(a.rows, kAnyWarps, kMostParts);
  Tensor partials = empty({parts, kRowTotals, a.columns}, DType::f32, kCuda);
  a.partials = partials.data<float>();
  dev::launch(cuda, name, row_norm_backward_any_kernel<T>,
              {parts * dev::ceil_div(a.columns, int64_t{dev::kWarp}), kThreads}, a, summaries);
  return partials;
}

}  // namespace vicinity::kernels
