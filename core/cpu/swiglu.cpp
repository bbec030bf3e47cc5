// SwiGLU on the CPU: one pass, a row at a time.
#include "core/ops/swiglu.h"

#define HWY_TARGET_INCLUDE "core/cpu/swiglu.cpp"
#include "core/cpu/simd_math.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

template <class C>
HWY_INLINE Lanes<C> sigmoid(Lanes<C> x) {
  return C{1} / (C{1} + exp(C{0} - x));
}

template <class T>
void gate_row(const T* x, int64_t features, T* y) {
  const T *gate = x, *value = x + features;
  for_lanes<Compute<T>>(features, [&](int64_t i, auto part) {
    const auto g = load(gate + i, part);
    store(g * sigmoid(g) * load(value + i, part), y + i, part);
  });
}

template <class T>
void gate_row_backward(const T* dy, const T* x, int64_t features, T* dx) {
  using C = Compute<T>;
  const T *gate = x, *value = x + features;
  T *dgate = dx, *dvalue = dx + features;
  for_lanes<C>(features, [&](int64_t i, auto part) {
    const Lanes<C> g = load(gate + i, part), s = sigmoid(g), up = load(dy + i, part);
    store(up * load(value + i, part) * s * (C{1} + g * (C{1} - s)), dgate + i, part);
    store(up * g * s, dvalue + i, part);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

constexpr int64_t kRowsPerTask = 16;

}  // namespace

void swiglu_forward(Cpu& cpu, const Tensor& x, Tensor& y) {
  const int64_t features = y.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(gate_row<T>);
    cpu.parallel_chunks(y.rows(), kRowsPerTask, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        run(x.data<T>() + row * 2 * features, features, y.data<T>() + row * features);
    });
  });
}

void swiglu_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, Tensor& dx) {
  const int64_t features = dy.dim(-1);
  for_float_dtype(x.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(gate_row_backward<T>);
    cpu.parallel_chunks(dy.rows(), kRowsPerTask, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t at = row * 2 * features;
        run(dy.data<T>() + row * features, x.data<T>() + at, features, dx.data<T>() + at);
      }
    });
  });
}

}  // namespace vicinity::kernels
#endif
