// The fused residual on the CPU: each row is read once, kept in cache, and written once.
#include "core/ops/residual.h"

#include <vector>

#include "core/cpu/column_partials.h"

#define HWY_TARGET_INCLUDE "core/cpu/residual.cpp"
#include "core/cpu/row_norm.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// factor * scale[c], where layer scale may be absent.
template <class C, class Part>
HWY_INLINE Lanes<C> weight_at(const C* scale, C factor, int64_t c, Part part) {
  return scale != nullptr ? load(scale + c, part) * factor : Lanes<C>(factor);
}

template <class T, class C = Compute<T>>
void add_row(const T* x, const T* branch, const C* scale, C factor, int64_t columns, T* sum) {
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> weight = weight_at(scale, factor, c, part);
    store(fma(weight, load(branch + c, part), load(x + c, part)), sum + c, part);
  });
}

/// row = from, or zeros.
template <class T, class C = Compute<T>>
void start_row(const T* from, int64_t columns, C* row) {
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    store(from != nullptr ? load(from + c, part) : Lanes<C>(), row + c, part);
  });
}

/// The gradient through the norm, added onto the row; dw and db summed into the partials.
template <class T, class C = Compute<T>>
void add_norm_gradient(const T* dy, const T* x, const C* w, int64_t columns, C eps, C* row, C* dw,
                       C* db) {
  row_norm_backward(dy, x, w, columns, eps, dw, db, [&](int64_t c, auto part, Lanes<C> d) {
    store(load(row + c, part) + d, row + c, part);
  });
}

template <class T, class C = Compute<T>>
void finish_row(const C* row, int64_t columns, T* dx) {
  for_lanes<C>(columns, [&](int64_t c, auto part) { store(load(row + c, part), dx + c, part); });
}

/// The branch's share of a row's gradient; dgamma summed into the partial.
template <class T, class C = Compute<T>>
void branch_row_backward(const C* row, const T* branch, const C* scale, C factor, int64_t columns,
                         T* dbranch, C* dgamma) {
  for_lanes<C>(columns, [&](int64_t c, auto part) {
    const Lanes<C> dx = load(row + c, part);
    store(weight_at(scale, factor, c, part) * dx, dbranch + c, part);
    if (scale == nullptr) return;
    const Lanes<C> product = load(branch + c, part) * dx;
    store(fma(product, Lanes<C>(factor), load(dgamma + c, part)), dgamma + c, part);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

template <class C>
C factor_of(const Tensor& factors, int64_t sample) {
  return factors.defined() ? factors.data<C>()[sample] : C{1};
}

template <class C>
const C* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<C>() : nullptr;
}

}  // namespace

void residual_forward(Cpu& cpu, const Tensor& x, const Tensor& branch, const Tensor& gamma,
                      const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b, double eps,
                      ResidualOut& out) {
  const int64_t columns = x.dim(-1), per_sample = x.rows() / x.dim(0);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    const auto add = VIC_SIMD(add_row<T>);
    const auto norm = VIC_SIMD(row_norm<T>);
    cpu.parallel_chunks(x.rows(), 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = r * columns;
        T* sum = out.sum.data<T>() + at;
        add(x.data<T>() + at, branch.data<T>() + at, data_or_null<C>(gamma),
            factor_of<C>(factors, r / per_sample), columns, sum);
        if (out.normed.defined())
          norm(sum, norm_w.data<C>(), norm_b.data<C>(), columns, static_cast<C>(eps),
               out.normed.data<T>() + at);
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
    const auto start = VIC_SIMD(start_row<T>);
    const auto add_norm = VIC_SIMD(add_norm_gradient<T>);
    const auto finish = VIC_SIMD(finish_row<T>);
    const auto branch_backward = VIC_SIMD(branch_row_backward<T>);
    std::vector<C> totals(static_cast<size_t>(3 * columns));
    sum_over_rows(cpu, sum.rows(), 3 * columns, totals.data(),
                  [&](int64_t begin, int64_t end, C* partial) {
                    C *dgamma = partial, *dw = partial + columns, *db = partial + 2 * columns;
                    std::vector<C> wide(static_cast<size_t>(columns));
                    C* row = wide.data();
                    for (int64_t r = begin; r < end; ++r) {
                      const int64_t at = r * columns;
                      start(dsum.defined() ? dsum.data<T>() + at : nullptr, columns, row);
                      if (dnormed.defined())
                        add_norm(dnormed.data<T>() + at, sum.data<T>() + at, norm_w.data<C>(),
                                 columns, static_cast<C>(eps), row, dw, db);
                      finish(row, columns, grads.dx.data<T>() + at);
                      if (!scaled) continue;
                      branch_backward(row, gamma.defined() ? branch.data<T>() + at : nullptr,
                                      data_or_null<C>(gamma), factor_of<C>(factors, r / per_sample),
                                      columns, grads.dbranch.data<T>() + at, dgamma);
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
#endif
