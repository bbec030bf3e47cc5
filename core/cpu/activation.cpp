// Pointwise nonlinearities on the CPU, in loops that vectorise.
#include "core/ops/activation.h"

#include "core/cpu/pointwise_math.h"

namespace vicinity::kernels {
namespace {

constexpr int64_t kChunk = 1 << 13;

// Each function: value and slope at x.
struct Gelu {
  template <class C>
  static C value(C x) {
    return x * normal_cdf(x, fast_exp(C(-0.5) * x * x));
  }
  template <class C>
  static C slope(C x) {
    const C e = fast_exp(C(-0.5) * x * x);
    return normal_cdf(x, e) + x * e * C(0.39894228040143267794);
  }
};

struct GeluTanh {
  // 0.5 (1 + tanh(u)) = sigmoid(2u)
  template <class C>
  static C gate(C x) {
    return 1 / (1 + fast_exp(C(-2 * 0.79788456080286535588) * (x + C(0.044715) * x * x * x)));
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
    return x > 0 ? x : C{0};
  }
  template <class C>
  static C slope(C x) {
    return x > 0 ? C{1} : C{0};
  }
};

struct Selu {
  static constexpr double kScale = 1.0507009873554804934, kAlpha = 1.6732632423543772848;
  template <class C>
  static C value(C x) {
    return C(kScale) * (x > 0 ? x : C(kAlpha) * (fast_exp(std::min(x, C{0})) - 1));
  }
  template <class C>
  static C slope(C x) {
    return C(kScale) * (x > 0 ? C{1} : C(kAlpha) * fast_exp(std::min(x, C{0})));
  }
};

struct Silu {
  template <class C>
  static C value(C x) {
    return x / (1 + fast_exp(-x));
  }
  template <class C>
  static C slope(C x) {
    const C s = 1 / (1 + fast_exp(-x));
    return s * (1 + x * (1 - s));
  }
};

template <class Work>
void for_activation(Activation kind, Work&& work) {
  switch (kind) {
    case Activation::gelu:
      return work(Gelu{});
    case Activation::gelu_tanh:
      return work(GeluTanh{});
    case Activation::relu:
      return work(Relu{});
    case Activation::selu:
      return work(Selu{});
    case Activation::silu:
      return work(Silu{});
  }
}

}  // namespace

void activation_forward(Cpu& cpu, const Tensor& x, Activation kind, Tensor& y) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    for_activation(kind, [&]<class F>(F) {
      const T* in = x.data<T>();
      T* out = y.data<T>();
      cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          out[i] = static_cast<T>(F::value(static_cast<Compute<T>>(in[i])));
      });
    });
  });
}

void activation_backward(Cpu& cpu, const Tensor& dy, const Tensor& x, Activation kind, Tensor& dx) {
  for_float_dtype(x.dtype(), [&]<class T>() {
    for_activation(kind, [&]<class F>(F) {
      using C = Compute<T>;
      const T *in = x.data<T>(), *up = dy.data<T>();
      T* out = dx.data<T>();
      cpu.parallel_chunks(x.size(), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out[i] = static_cast<T>(static_cast<C>(up[i]) * F::slope(static_cast<C>(in[i])));
        }
      });
    });
  });
}

}  // namespace vicinity::kernels
