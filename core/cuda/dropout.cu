// Dropout: one pass, a thread per element; the classifier's input only, which is small.
//   bytes     x and factors read, y written
//   numerics  f32, rounded once
#include "core/cuda/dev.h"
#include "core/ops/dropout.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

template <class T>
DEV_KERNEL void dropout_kernel(const T* x, const float* factors, T* y, int64_t n) {
  const int64_t i = dev::block() * kThreads + dev::thread();
  if (i < n) y[i] = dev::from_float<T>(dev::to_float(x[i]) * factors[i]);
}

}  // namespace

void dropout(Cuda& cuda, const Tensor& x, const Tensor& factors, Tensor& y) {
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    dev::launch(cuda, "dropout", dropout_kernel<T>,
                {dev::ceil_div(y.size(), int64_t{kThreads}), kThreads}, x.data<T>(),
                factors.data<float>(), y.data<T>(), y.size());
  });
}

}  // namespace vicinity::kernels
