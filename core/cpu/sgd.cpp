// SGD on the CPU: one pass over three arrays, bound by memory.
#include "core/ops/sgd.h"

namespace vicinity::kernels {
namespace {

// What does not change from element to element.
template <class C>
struct Factors {
  C lr, momentum, decay, scale;
  bool first, nesterov;

  explicit Factors(const SgdStep& s)
      : lr(static_cast<C>(s.lr)),
        momentum(static_cast<C>(s.momentum)),
        decay(static_cast<C>(s.weight_decay)),
        scale(static_cast<C>(s.grad_scale)),
        first(s.first),
        nesterov(s.nesterov) {}
};

// The factors come by value and the arrays as restrict: only so does the compiler use vectors.
template <class C>
void update(const Factors<C> f, int64_t n, C* __restrict p, const C* __restrict g,
            C* __restrict buffer) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const C gradient = g[i] * f.scale + f.decay * p[i];
    const C velocity = f.first ? gradient : f.momentum * buffer[i] + gradient;
    buffer[i] = velocity;
    p[i] -= f.lr * (f.nesterov ? gradient + f.momentum * velocity : velocity);
  }
}

template <class C>
void update_all(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& step) {
  const Factors<C> factors(step);
  cpu.parallel_chunks(param.size(), 1 << 15, [&](int64_t begin, int64_t end) {
    update(factors, end - begin, param.data<C>() + begin, grad.data<C>() + begin,
           buffer.data<C>() + begin);
  });
}

}  // namespace

void sgd(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& s) {
  if (param.dtype() == DType::f64) return update_all<double>(cpu, param, grad, buffer, s);
  update_all<float>(cpu, param, grad, buffer, s);
}

}  // namespace vicinity::kernels
