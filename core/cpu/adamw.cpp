#include "core/ops/adamw.h"

#include <cmath>

namespace vicinity::kernels {

void adamw(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, const AdamwStep& s) {
  const double correction1 = 1 - std::pow(s.beta1, static_cast<double>(s.step));
  const double correction2 = std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.step)));
  for_float_dtype(param.dtype(), [&]<class T>() {
    using C = Compute<T>;
    T *p = param.data<T>(), *pm = m.data<T>(), *pv = v.data<T>();
    const T* g = grad.data<T>();
    const C keep = static_cast<C>(1 - s.lr * s.weight_decay),
            rate = static_cast<C>(s.lr / correction1);
    const C b1 = static_cast<C>(s.beta1), c1 = static_cast<C>(1 - s.beta1),
            b2 = static_cast<C>(s.beta2);
    const C c2 = static_cast<C>(1 - s.beta2), root = static_cast<C>(1 / correction2),
            eps = static_cast<C>(s.eps);
    const C scale = static_cast<C>(s.grad_scale);
    cpu.parallel_chunks(param.size(), 1 << 13, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const C gradient = static_cast<C>(g[i]) * scale;
        const C first = b1 * static_cast<C>(pm[i]) + c1 * gradient;
        const C second = b2 * static_cast<C>(pv[i]) + c2 * gradient * gradient;
        pm[i] = static_cast<T>(first);
        pv[i] = static_cast<T>(second);
        p[i] = static_cast<T>(static_cast<C>(p[i]) * keep -
                              rate * first / (std::sqrt(second) * root + eps));
      }
    });
  });
}

}  // namespace vicinity::kernels
