// The fused residual on the CPU: each row is read once, kept widened in cache, and written once.
#include "core/ops/residual.h"

#include <vector>

#include "core/cpu/column_partials.h"
#include "core/cpu/row_norm.h"

namespace vicinity::kernels {
namespace {

template <class C>
C factor_of(const Tensor& factors, int64_t sample) {
  return factors.defined() ? factors.data<C>()[sample] : C{1};
}

}  // namespace

void residual_forward(Cpu& cpu, const Tensor& x, const Tensor& branch, const Tensor& gamma,
                      const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps,
                      ResidualOut& out) {
  const int64_t columns = x.dim(-1), per_sample = x.rows() / x.dim(0);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const C* scale = gamma.defined() ? gamma.data<C>() : nullptr;
    cpu.parallel_chunks(x.rows(), 64, [&](int64_t begin, int64_t end) {
      std::vector<C> wide(static_cast<size_t>(columns));
      C* row = wide.data();
      for (int64_t r = begin; r < end; ++r) {
        const C factor = factor_of<C>(factors, r / per_sample);
        const T *px = x.data<T>() + r * columns, *pb = branch.data<T>() + r * columns;
        T* sum = out.sum.data<T>() + r * columns;
        for (int64_t c = 0; c < columns; ++c) {
          const C weight = scale != nullptr ? factor * scale[c] : factor;
          sum[c] = static_cast<T>(static_cast<C>(px[c]) + weight * static_cast<C>(pb[c]));
          row[c] = static_cast<C>(sum[c]);
        }
        if (!out.normed.defined()) continue;
        const RowStatistics<C> s = row_statistics(row, columns, static_cast<C>(eps));
        T* y = out.normed.data<T>() + r * columns;
        const C *w = norm_w.data<C>(), *b = norm_b.data<C>();
        for (int64_t c = 0; c < columns; ++c)
          y[c] = static_cast<T>((row[c] - s.mean) * s.rstd * w[c] + b[c]);
      }
    });
  });
}

void residual_backward(Cpu& cpu, const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                       const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                       const Tensor& norm_w, double eps, ResidualGrads& grads) {
  const int64_t columns = sum.dim(-1), per_sample = sum.rows() / sum.dim(0);
  const bool scaled = gamma.defined() || factors.defined();
  for_float_dtype(sum.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const C* scale = gamma.defined() ? gamma.data<C>() : nullptr;
    std::vector<C> totals(static_cast<size_t>(3 * columns));
    sum_over_rows(
        cpu, sum.rows(), 3 * columns, totals.data(), [&](int64_t begin, int64_t end, C* partial) {
          C *dgamma = partial, *dw = partial + columns, *db = partial + 2 * columns;
          std::vector<C> wide(static_cast<size_t>(3 * columns));
          C *dx = wide.data(), *ps = dx + columns, *dy = ps + columns;
          for (int64_t r = begin; r < end; ++r) {
            const int64_t at = r * columns;
            for (int64_t c = 0; c < columns; ++c)
              dx[c] = dsum.defined() ? static_cast<C>(dsum.data<T>()[at + c]) : C{0};
            if (dnormed.defined()) {
              for (int64_t c = 0; c < columns; ++c) {
                ps[c] = static_cast<C>(sum.data<T>()[at + c]);
                dy[c] = static_cast<C>(dnormed.data<T>()[at + c]);
              }
              row_norm_backward(dy, ps, norm_w.data<C>(), columns, static_cast<C>(eps), dx, dw, db);
            }
            T* out = grads.dx.data<T>() + at;
            for (int64_t c = 0; c < columns; ++c) out[c] = static_cast<T>(dx[c]);
            if (!scaled) continue;
            const C factor = factor_of<C>(factors, r / per_sample);
            T* dbranch = grads.dbranch.data<T>() + at;
            for (int64_t c = 0; c < columns; ++c) {
              dbranch[c] = static_cast<T>((scale != nullptr ? factor * scale[c] : factor) * dx[c]);
            }
            if (scale == nullptr) continue;
            const T* pb = branch.data<T>() + at;
            for (int64_t c = 0; c < columns; ++c)
              dgamma[c] += factor * static_cast<C>(pb[c]) * dx[c];
          }
        });
    const auto give = [&](Tensor& grad, int64_t index) {
      if (grad.defined()) std::copy_n(totals.begin() + index * columns, columns, grad.data<C>());
    };
    give(grads.dgamma, 0);
    give(grads.dnorm_w, 1);
    give(grads.dnorm_b, 2);
  });
}

}  // namespace vicinity::kernels
