#include "core/ops/token_pool.h"

namespace vicinity::kernels {

void token_pool_forward(Cpu& cpu, const Tensor& x, int64_t first, bool with_cls, Tensor& y) {
  const int64_t tokens = x.dim(1), width = x.dim(2);
  for_float_dtype(x.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_rows(x.dim(0), tokens * width, [&](int64_t b) {
      const T* in = x.data<T>() + b * tokens * width;
      C* out = y.data<C>() + b * y.dim(1);
      for (int64_t c = 0; with_cls && c < width; ++c) *out++ = static_cast<C>(in[c]);
      std::fill(out, out + width, C{0});
      for (int64_t t = first; t < tokens; ++t) {
        for (int64_t c = 0; c < width; ++c) out[c] += static_cast<C>(in[t * width + c]);
      }
      for (int64_t c = 0; c < width; ++c) out[c] /= static_cast<C>(tokens - first);
    });
  });
}

void token_pool_backward(Cpu& cpu, const Tensor& dy, int64_t first, bool with_cls, Tensor& dx) {
  const int64_t tokens = dx.dim(1), width = dx.dim(2);
  for_float_dtype(dx.dtype(), [&]<class T>() {
    using C = Compute<T>;
    cpu.parallel_rows(dx.dim(0), tokens * width, [&](int64_t b) {
      const C* cls = dy.data<C>() + b * dy.dim(1);
      const C* mean = with_cls ? cls + width : cls;
      for (int64_t t = 0; t < tokens; ++t) {
        T* out = dx.data<T>() + (b * tokens + t) * width;
        for (int64_t c = 0; c < width; ++c) {
          const C share = t >= first ? mean[c] / static_cast<C>(tokens - first) : C{0};
          out[c] = static_cast<T>(t == 0 && with_cls ? share + cls[c] : share);
        }
      }
    });
  });
}

}  // namespace vicinity::kernels
