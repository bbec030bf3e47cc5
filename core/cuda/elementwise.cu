// Ops that touch each element once.
//   bytes     as core/ops/elementwise.cpp counts them; a thread's eight neighbours one by one, of
//             which the cache has all but the first
//   numerics  sums and conversions round once to nearest even
#include "core/cuda/dev.h"
#include "core/ops/elementwise.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kPerThread = 8;  // consecutive elements

/// op(i) for all i in [0, n), eight neighbours by each thread.
template <class Op>
DEV_FN void for_elements(int64_t n, Op op) {
  const int64_t begin = (dev::block() * kThreads + dev::thread()) * kPerThread;
  DEV_UNROLL
  for (int i = 0; i < kPerThread; ++i) {
    if (begin + i < n) op(begin + i);
  }
}

template <class T>
DEV_KERNEL void add_forward_kernel(const T* a, const T* b, T* y, int64_t n) {
  for_elements(
      n, [&](int64_t i) { y[i] = dev::from_float<T>(dev::to_float(a[i]) + dev::to_float(b[i])); });
}

template <class From, class To>
DEV_KERNEL void copy_forward_kernel(const From* x, To* y, int64_t n) {
  for_elements(n, [&](int64_t i) { y[i] = dev::from_float<To>(dev::to_float(x[i])); });
}

template <class T>
DEV_KERNEL void fill_forward_kernel(float value, T* y, int64_t n) {
  for_elements(n, [&](int64_t i) { y[i] = dev::from_float<T>(value); });
}

template <class T>
DEV_KERNEL void scale_forward_kernel(float factor, T* y, int64_t n) {
  for_elements(n, [&](int64_t i) { y[i] = dev::from_float<T>(dev::to_float(y[i]) * factor); });
}

LaunchShape shape_of(const Tensor& y) {
  return {dev::ceil_div(y.size(), int64_t{kThreads * kPerThread}), kThreads};
}

}  // namespace

void add_forward(Cuda& cuda, const Tensor& a, const Tensor& b, Tensor& y) {
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    dev::launch(cuda, "add_forward", add_forward_kernel<T>, shape_of(y), a.data<T>(), b.data<T>(),
                y.data<T>(), y.size());
  });
}

void copy_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  if (x.dtype() == y.dtype()) {
    return cuda_api::copy(y.raw(), x.raw(), y.bytes(), cuda_api::Copy::on_device, cuda.stream());
  }
  for_cuda_dtype(x.dtype(), [&]<class From>() {
    for_cuda_dtype(y.dtype(), [&]<class To>() {
      dev::launch(cuda, "copy_forward", copy_forward_kernel<From, To>, shape_of(y), x.data<From>(),
                  y.data<To>(), y.size());
    });
  });
}

void fill_forward(Cuda& cuda, double value, Tensor& y) {
  if (value == 0) return cuda_api::fill_bytes(y.raw(), 0, y.bytes(), cuda.stream());
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    dev::launch(cuda, "fill_forward", fill_forward_kernel<T>, shape_of(y), value, y.data<T>(),
                y.size());
  });
}

void scale_forward(Cuda& cuda, double factor, Tensor& y) {
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    dev::launch(cuda, "scale_forward", scale_forward_kernel<T>, shape_of(y), factor, y.data<T>(),
                y.size());
  });
}

}  // namespace vicinity::kernels
