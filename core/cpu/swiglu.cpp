// SwiGLU on the CPU: one pass, a row at a time.
#include "core/ops/swiglu.h"

#include <cmath>

namespace vicinity::kernels {
namespace {

constexpr int64_t kRowsPerTask = 16;

}  // namespace

void swiglu_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  const int64_t features = y.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_chunks(y.rows(), kRowsPerTask, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *gate = x.data<T>() + row * 2 * features, *value = gate + features;
        T* out = y.data<T>() + row * features;
        for (int64_t i = 0; i < features; ++i) {
          const C g = static_cast<C>(gate[i]);
          out[i] = static_cast<T>(g / (1 + std::exp(-g)) * static_cast<C>(value[i]));
        }
      }
    });
  });
}

void swiglu_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dx) {
  const int64_t features = dy.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_chunks(dy.rows(), kRowsPerTask, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *gate = x.data<T>() + row * 2 * features, *value = gate + features;
        const T* d = dy.data<T>() + row * features;
        T *dgate = dx.data<T>() + row * 2 * features, *dvalue = dgate + features;
        for (int64_t i = 0; i < features; ++i) {
          const C g = static_cast<C>(gate[i]), s = 1 / (1 + std::exp(-g)),
                  up = static_cast<C>(d[i]);
          dgate[i] = static_cast<T>(up * static_cast<C>(value[i]) * s * (1 + g * (1 - s)));
          dvalue[i] = static_cast<T>(up * g * s);
        }
      }
    });
  });
}

}  // namespace vicinity::kernels
