#include "core/ops/sgd.h"

namespace vicinity::kernels {

void sgd(Cpu& cpu, Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& s) {
  for_float_dtype(param.dtype(), [&]<class T>() {
    using C = Compute<T>;
    T *p = param.data<T>(), *b = buffer.data<T>();
    const T* g = grad.data<T>();
    const C lr = static_cast<C>(s.lr), momentum = static_cast<C>(s.momentum),
            decay = static_cast<C>(s.weight_decay);
    const C scale = static_cast<C>(s.grad_scale);
    cpu.parallel_chunks(param.size(), 1 << 13, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const C value = static_cast<C>(p[i]);
        const C gradient = static_cast<C>(g[i]) * scale + decay * value;
        const C velocity = s.first ? gradient : momentum * static_cast<C>(b[i]) + gradient;
        b[i] = static_cast<T>(velocity);
        p[i] =
            static_cast<T>(value - lr * (s.nesterov ? gradient + momentum * velocity : velocity));
      }
    });
  });
}

}  // namespace vicinity::kernels
