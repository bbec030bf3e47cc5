// Dropout on the CPU: the classifier's input only, which is small.
#include "core/ops/dropout.h"

namespace vicinity::kernels {

void dropout(Cpu&, const Tensor& x, const Tensor& factors, Tensor& y) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    for (int64_t i = 0; i < x.size(); ++i)
      y.data<T>()[i] = static_cast<T>(static_cast<C>(x.data<T>()[i]) * factors.data<C>()[i]);
  });
}

}  // namespace vicinity::kernels
