// Layer normalisation on the CPU: a row at a time, widened into a buffer that stays in cache.
#include "core/ops/layer_norm.h"

#include <vector>

#include "core/cpu/column_partials.h"
#include "core/cpu/row_norm.h"

namespace vicinity::kernels {

void layer_norm_forward(Cpu& cpu, const Tensor& x, const Tensor& w, const Tensor& b, double eps,
                        Tensor& y) {
  const int64_t columns = x.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const C *pw = w.data<C>(), *pb = b.data<C>();
    cpu.parallel_chunks(x.rows(), 64, [&](int64_t begin, int64_t end) {
      std::vector<C> wide(static_cast<size_t>(columns));
      C* row = wide.data();
      for (int64_t r = begin; r < end; ++r) {
        const T* in = x.data<T>() + r * columns;
        T* out = y.data<T>() + r * columns;
        for (int64_t c = 0; c < columns; ++c) row[c] = static_cast<C>(in[c]);
        const RowStatistics<C> s = row_statistics(row, columns, static_cast<C>(eps));
        for (int64_t c = 0; c < columns; ++c)
          out[c] = static_cast<T>((row[c] - s.mean) * s.rstd * pw[c] + pb[c]);
      }
    });
  });
}

void layer_norm_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                         LayerNormGrads& grads) {
  const int64_t columns = x.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    std::vector<C> totals(static_cast<size_t>(2 * columns));
    sum_over_rows(cpu, x.rows(), 2 * columns, totals.data(),
                  [&](int64_t begin, int64_t end, C* partial) {
                    std::vector<C> wide(static_cast<size_t>(3 * columns));
                    C *px = wide.data(), *pdy = px + columns, *pdx = pdy + columns;
                    for (int64_t r = begin; r < end; ++r) {
                      for (int64_t c = 0; c < columns; ++c) {
                        px[c] = static_cast<C>(x.data<T>()[r * columns + c]);
                        pdy[c] = static_cast<C>(dy.data<T>()[r * columns + c]);
                        pdx[c] = 0;
                      }
                      row_norm_backward(pdy, px, w.data<C>(), columns, static_cast<C>(eps), pdx,
                                        partial, partial + columns);
                      T* out = grads.dx.data<T>() + r * columns;
                      for (int64_t c = 0; c < columns; ++c) out[c] = static_cast<T>(pdx[c]);
                    }
                  });
    std::copy(totals.begin(), totals.begin() + columns, grads.dw.data<C>());
    std::copy(totals.begin() + columns, totals.end(), grads.db.data<C>());
  });
}

}  // namespace vicinity::kernels
