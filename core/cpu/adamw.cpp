// AdamW on the CPU: one pass over four arrays, bound by memory.
#include "core/ops/adamw.h"

#include <cmath>

namespace vicinity::kernels {
namespace {

// What does not change from element to element.
template <class C>
struct Factors {
  C keep, rate, beta1, rest1, beta2, rest2, root, eps, scale;

  explicit Factors(const AdamwStep& s)
      : keep(static_cast<C>(1 - s.lr * s.weight_decay)),
        rate(static_cast<C>(s.lr / (1 - std::pow(s.beta1, static_cast<double>(s.step))))),
        beta1(static_cast<C>(s.beta1)),
        rest1(static_cast<C>(1 - s.beta1)),
        beta2(static_cast<C>(s.beta2)),
        rest2(static_cast<C>(1 - s.beta2)),
        root(static_cast<C>(1 / std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.step))))),
        eps(static_cast<C>(s.eps)),
        scale(static_cast<C>(s.grad_scale)) {}
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

template <class C>
void update_all(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v,
                const AdamwStep& step) {
  const Factors<C> factors(step);
  cpu.parallel_chunks(param.size(), 1 << 15, [&](int64_t begin, int64_t end) {
    update(factors, end - begin, param.data<C>() + begin, grad.data<C>() + begin,
           m.data<C>() + begin, v.data<C>() + begin);
  });
}

}  // namespace

void adamw(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, const AdamwStep& s) {
  if (param.dtype() == DType::f64) return update_all<double>(cpu, param, grad, m, v, s);
  update_all<float>(cpu, param, grad, m, v, s);
}

}  // namespace vicinity::kernels
