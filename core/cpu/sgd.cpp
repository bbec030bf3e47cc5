// SGD on the CPU: one pass over three arrays and the bf16 copy, bound by memory.
#include "core/ops/sgd.h"

#include "core/cpu/update.h"

namespace vicinity::kernels {
namespace {

// What does not change from element to element.
template <class C>
struct Factors {
  C lr, momentum, decay, scale;
  bool first, nesterov;

  Factors(const SgdFactors& s, const UpdateRange& range, double grad_scale)
      : lr(static_cast<C>(s.lr * range.lr_scale)),
        momentum(static_cast<C>(s.momentum)),
        decay(static_cast<C>(range.decay ? s.weight_decay : 0)),
        scale(static_cast<C>(grad_scale)),
        first(s.first != 0),
        nesterov(s.nesterov != 0) {}
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

}  // namespace

void sgd(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
         const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  const auto step = named_factors<SgdFactors>(factors);
  for_master_dtype(param.dtype(), [&]<class C>() {
    for_each_range(cpu, ranges, grad_scale, [&](const UpdateRange& range, double scale) {
      return [=, &param, &grad, &buffer, &copy, own = Factors<C>(step, range, scale)](int64_t begin,
                                                                                      int64_t end) {
        update(own, end - begin, param.data<C>() + begin, grad.data<C>() + begin,
               buffer.data<C>() + begin);
        round_into<C>(copy, param, begin, end);
      };
    });
  });
}

}  // namespace vicinity::kernels
