// Layer normalisation on the CPU, a row at a time.
#include "core/ops/layer_norm.h"

#include <vector>

#include "core/cpu/column_partials.h"

#define HWY_TARGET_INCLUDE "core/cpu/layer_norm.cpp"
#include "core/cpu/row_norm.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class T, class C = Compute<T>>
void norm_rows(const T* x, const C* w, const C* b, int64_t rows, int64_t columns, C eps, T* y) {
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) row_norm(x, w, b, columns, eps, y);
}

template <class T, class C = Compute<T>>
void norm_rows_backward(const T* dy, const T* x, const C* w, int64_t rows, int64_t columns, C eps,
                        T* dx, C* dw, C* db) {
  for (int64_t r = 0; r < rows; ++r, x += columns, dy += columns, dx += columns) {
    row_norm_backward(dy, x, w, columns, eps, dw, db,
                      [&](int64_t c, auto part, Lanes<C> d) { store(d, dx + c, part); });
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {

void layer_norm_forward(Cpu& cpu, const Tensor& x, const Tensor& w, const Tensor& b, double eps,
                        Tensor& y) {
  const int64_t columns = x.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const auto norm = VIC_SIMD(norm_rows<T>);
    cpu.parallel_chunks(x.rows(), 64, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * columns;
      norm(x.data<T>() + at, w.data<C>(), b.data<C>(), end - begin, columns, static_cast<C>(eps),
           y.data<T>() + at);
    });
  });
}

void layer_norm_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, const Tensor& w, double eps,
                         LayerNormGrads& grads) {
  const int64_t columns = x.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const auto norm_backward = VIC_SIMD(norm_rows_backward<T>);
    std::vector<C> totals(static_cast<size_t>(2 * columns));
    sum_over_rows(
        cpu, x.rows(), 2 * columns, totals.data(), [&](int64_t begin, int64_t end, C* partial) {
          const int64_t at = begin * columns;
          norm_backward(dy.data<T>() + at, x.data<T>() + at, w.data<C>(), end - begin, columns,
                        static_cast<C>(eps), grads.dx.data<T>() + at, partial, partial + columns);
        });
    std::copy(totals.begin(), totals.begin() + columns, grads.dw.data<C>());
    std::copy(totals.begin() + columns, totals.end(), grads.db.data<C>());
  });
}

}  // namespace vicinity::kernels
#endif
