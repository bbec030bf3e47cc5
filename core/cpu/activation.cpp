// Pointwise nonlinearities on the CPU.
#include "core/ops/activation.h"

#define HWY_TARGET_INCLUDE "core/cpu/activation.cpp"
#include "core/cpu/simd_math.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// Each function: value and slope at x, which is Lanes<float> or Lanes<double>.
struct Gelu {
  template <class C>
  static C value(C x) {
    return x * normal_cdf(x, exp(C(-0.5) * x * x));
  }
  template <class C>
  static C slope(C x) {
    const C e = exp(C(-0.5) * x * x);
    return normal_cdf(x, e) + x * e * C(0.39894228040143267794);
  }
};

struct GeluTanh {
  // 0.5 (1 + tanh(u)) = sigmoid(2u)
  template <class C>
  static C gate(C x) {
    return 1 / (1 + exp(C(-2 * 0.79788456080286535588) * (x + C(0.044715) * x * x * x)));
  }
  template <class C>
  static C value(C x) {
    return x * gate(x);
  }
  template <class C>
  static C slope(C x) {
    const C g = gate(x);
    return g + x * g * (1 - g) * C(2 * 0.79788456080286535588) * (1 + C(3 * 0.044715) * x * x);
  }
};

struct Relu {
  template <class C>
  static C value(C x) {
    return max(C(0), x);
  }
  template <class C>
  static C slope(C x) {
    return where_positive(x, C(1), C(0));
  }
};

struct Selu {
  static constexpr double kScale = 1.0507009873554804934, kAlpha = 1.6732632423543772848;
  template <class C>
  static C value(C x) {
    return C(kScale) * where_positive(x, x, C(kAlpha) * (exp(min(C(0), x)) - 1));
  }
  template <class C>
  static C slope(C x) {
    return C(kScale) * where_positive(x, C(1), C(kAlpha) * exp(min(C(0), x)));
  }
};

struct Silu {
  template <class C>
  static C value(C x) {
    return x / (1 + exp(C(0) - x));
  }
  template <class C>
  static C slope(C x) {
    const C s = 1 / (1 + exp(C(0) - x));
    return s * (1 + x * (1 - s));
  }
};

template <class F, class T>
void apply(const T* x, int64_t count, T* y) {
  for_lanes<Compute<T>>(
      count, [&](int64_t i, auto part) { store(F::value(load(x + i, part)), y + i, part); });
}

template <class F, class T>
void apply_backward(const T* dy, const T* x, int64_t count, T* dx) {
  for_lanes<Compute<T>>(count, [&](int64_t i, auto part) {
    store(load(dy + i, part) * F::slope(load(x + i, part)), dx + i, part);
  });
}

template <class T>
void activate(Activation kind, const T* x, int64_t count, T* y) {
  switch (kind) {
    case Activation::gelu:
      return apply<Gelu>(x, count, y);
    case Activation::gelu_tanh:
      return apply<GeluTanh>(x, count, y);
    case Activation::relu:
      return apply<Relu>(x, count, y);
    case Activation::selu:
      return apply<Selu>(x, count, y);
    case Activation::silu:
      return apply<Silu>(x, count, y);
  }
}

template <class T>
void activate_backward(Activation kind, const T* dy, const T* x, int64_t count, T* dx) {
  switch (kind) {
    case Activation::gelu:
      return apply_backward<Gelu>(dy, x, count, dx);
    case Activation::gelu_tanh:
      return apply_backward<GeluTanh>(dy, x, count, dx);
    case Activation::relu:
      return apply_backward<Relu>(dy, x, count, dx);
    case Activation::selu:
      return apply_backward<Selu>(dy, x, count, dx);
    case Activation::silu:
      return apply_backward<Silu>(dy, x, count, dx);
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

constexpr int64_t kChunk = 1 << 13;

}  // namespace

void activation_forward(Cpu& cpu, const Tensor& x, Activation kind, Tensor& y) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(activate<T>);
    cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
      run(kind, x.data<T>() + begin, end - begin, y.data<T>() + begin);
    });
  });
}

void activation_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, Activation kind, Tensor& dx) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    const auto run = VIC_SIMD(activate_backward<T>);
    cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
      run(kind, dy.data<T>() + begin, x.data<T>() + begin, end - begin, dx.data<T>() + begin);
    });
  });
}

}  // namespace vicinity::kernels
#endif
