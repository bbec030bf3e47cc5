// AdamW on the CPU: one pass over four arrays and the bf16 copy, bound by memory.
#include "core/ops/adamw.h"

#include "core/cpu/update.h"

namespace vicinity::kernels {
namespace {

// What does not change from element to element.
template <class C>
struct Factors {
  C keep, rate, beta1, rest1, beta2, rest2, root, eps, scale;

  Factors(const AdamwFactors& f, const UpdateRange& range, double grad_scale)
      : keep(static_cast<C>(1 - f.lr * range.lr_scale * (range.decay ? f.weight_decay : 0))),
        rate(static_cast<C>(f.rate * range.lr_scale)),
        beta1(static_cast<C>(f.beta1)),
        rest1(static_cast<C>(1 - f.beta1)),
        beta2(static_cast<C>(f.beta2)),
        rest2(static_cast<C>(1 - f.beta2)),
        root(static_cast<C>(f.root)),
        eps(static_cast<C>(f.eps)),
        scale(static_cast<C>(grad_scale)) {}
};

// The factors come by value and the arrays as restrict: only so does the compiler use vectors.
template <class C>
void update(const Factors<C> f, int64_t n, C* __restrict p, const C* __restrict g, C* __restrict m,
            C* __restrict v) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const C gradient = g[i] * f.scale;
    m[i] = f.beta1 * m[i] + f.rest1 * gradient;
    v[i] = f.beta2 * v[i] + f.rest2 * gradient * gradient;
    p[i] = p[i] * f.keep - f.rate * m[i] / (std::sqrt(v[i]) * f.root + f.eps);
  }
}

}  // namespace

void adamw(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
           const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  const auto step = named_factors<AdamwFactors>(factors);
  for_master_dtype(param.dtype(), [&]<class C>() {
    for_each_range(cpu, ranges, grad_scale, [&](const UpdateRange& range, double scale) {
      return [=, &param, &grad, &m, &v, &copy, own = Factors<C>(step, range, scale)](int64_t begin,
                                                                                     int64_t end) {
        update(own, end - begin, param.data<C>() + begin, grad.data<C>() + begin,
               m.data<C>() + begin, v.data<C>() + begin);
        round_into<C>(copy, param, begin, end);
      };
    });
  });
}

}  // namespace vicinity::kernels
