// AdamW on the CPU: one pass over four arrays and the bf16 copy, bound by memory.
#include "core/ops/adamw.h"

#include <cmath>

#include "core/cpu/update.h"

namespace vicinity::kernels {
namespace {

// What does not change from element to element.
template <class C>
struct Factors {
  C keep, rate, beta1, rest1, beta2, rest2, root, eps, scale;

  Factors(const AdamwStep& s, const UpdateRange& range, double grad_scale)
      : keep(static_cast<C>(1 - s.lr * range.lr_scale * (range.decay ? s.weight_decay : 0))),
        rate(static_cast<C>(s.lr * range.lr_scale /
                            (1 - std::pow(s.beta1, static_cast<double>(s.step))))),
        beta1(static_cast<C>(s.beta1)),
        rest1(static_cast<C>(1 - s.beta1)),
        beta2(static_cast<C>(s.beta2)),
        rest2(static_cast<C>(1 - s.beta2)),
        root(static_cast<C>(1 / std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.step))))),
        eps(static_cast<C>(s.eps)),
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
           const UpdateRanges& ranges, const AdamwStep& step, const Tensor& grad_scale) {
  for_master_dtype(param.dtype(), [&]<class C>() {
    for_each_range(cpu, ranges, grad_scale, [&](const UpdateRange& range, double scale) {
      return [=, &param, &grad, &m, &v, &copy, factors = Factors<C>(step, range, scale)](
                 int64_t begin, int64_t end) {
        update(factors, end - begin, param.data<C>() + begin, grad.data<C>() + begin,
               m.data<C>() + begin, v.data<C>() + begin);
        round_into<C>(copy, param, begin, end);
      };
    });
  });
}

}  // namespace vicinity::kernels
