// Pointwise nonlinearities.
//   bytes     forward 2, backward 3 times x, 16 bytes at a time where eights divide the size
//   numerics  f32. exp is exp2 of a product: relative error 2^-23 |x|, where exp(-|x|) is small.
//             gelu's normal distribution is within 1.5e-7
#include "core/ops/activation.h"

#include "core/cuda/pack.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

DEV_FN float exp_fast(float x) { return dev::exp2_fast(x * 1.44269504088896341f); }

/// Standard normal distribution function Phi(x) = (1 + erf(x / sqrt 2)) / 2, given exp(-x^2 / 2).
/// Abramowitz & Stegun 1964, 7.1.26: |error| < 1.5e-7.
DEV_FN float normal_cdf(float x, float exp_half_square) {
  const float t = dev::reciprocal_fast(dev::fma(x < 0 ? -x : x, 0.3275911f * 0.70710678f, 1.0f));
  float p = dev::fma(t, 1.061405429f, -1.453152027f);
  p = dev::fma(t, p, 1.421413741f);
  p = dev::fma(t, p, -0.284496736f);
  p = dev::fma(t, p, 0.254829592f);
  const float tail = p * t * exp_half_square * 0.5f;  // 1 - Phi(|x|)
  return x > 0 ? 1.0f - tail : tail;
}

// Each function: value and slope at x.
struct Gelu {
  DEV_FN static float value(float x) { return x * normal_cdf(x, exp_fast(-0.5f * x * x)); }
  DEV_FN static float slope(float x) {
    const float e = exp_fast(-0.5f * x * x);
    return normal_cdf(x, e) + x * e * 0.39894228040143267794f;
  }
};

struct GeluTanh {
  /// 0.5 (1 + tanh(u)) = sigmoid(2u)
  DEV_FN static float gate(float x) {
    return dev::reciprocal_fast(
        1 + exp_fast(-2 * 0.79788456080286535588f * (x + 0.044715f * x * x * x)));
  }
  DEV_FN static float value(float x) { return x * gate(x); }
  DEV_FN static float slope(float x) {
    const float g = gate(x);
    return g + x * g * (1 - g) * 2 * 0.79788456080286535588f * (1 + 3 * 0.044715f * x * x);
  }
};

struct Relu {
  DEV_FN static float value(float x) { return x < 0 ? 0.0f : x; }
  DEV_FN static float slope(float x) { return x > 0 ? 1.0f : 0.0f; }
};

struct Selu {
  static constexpr float kScale = 1.0507009873554804934f, kAlpha = 1.6732632423543772848f;
  DEV_FN static float value(float x) { return kScale * (x > 0 ? x : kAlpha * (exp_fast(x) - 1)); }
  DEV_FN static float slope(float x) { return kScale * (x > 0 ? 1.0f : kAlpha * exp_fast(x)); }
};

struct Silu {
  DEV_FN static float value(float x) { return x * dev::reciprocal_fast(1 + exp_fast(-x)); }
  DEV_FN static float slope(float x) {
    const float s = dev::reciprocal_fast(1 + exp_fast(-x));
    return s * (1 + x * (1 - s));
  }
};

template <class F, class T, int kCount>
DEV_KERNEL void activation_forward_kernel(const T* x, T* y, int64_t n) {
  const int64_t i = (dev::block() * kThreads + dev::thread()) * kCount;
  if (i >= n) return;
  dev::Pack<T, kCount> values = dev::load_pack<kCount>(x + i);
  DEV_UNROLL
  for (T& value : values.at) value = dev::from_float<T>(F::value(dev::to_float(value)));
  dev::store_pack(y + i, values);
}

template <class F, class T, int kCount>
DEV_KERNEL void activation_backward_kernel(const T* dy, const T* x, T* dx, int64_t n) {
  const int64_t i = (dev::block() * kThreads + dev::thread()) * kCount;
  if (i >= n) return;
  dev::Pack<T, kCount> values = dev::load_pack<kCount>(x + i);
  const dev::Pack<T, kCount> up = dev::load_pack<kCount>(dy + i);
  DEV_UNROLL
  for (int k = 0; k < kCount; ++k) {
    const float slope = F::slope(dev::to_float(values.at[k]));
    values.at[k] = dev::from_float<T>(dev::to_float(up.at[k]) * slope);
  }
  dev::store_pack(dx + i, values);
}

template <class Run>
void for_activation(Activation kind, Run&& run) {
  switch (kind) {
    case Activation::gelu:
      return run.template operator()<Gelu>();
    case Activation::gelu_tanh:
      return run.template operator()<GeluTanh>();
    case Activation::relu:
      return run.template operator()<Relu>();
    case Activation::selu:
      return run.template operator()<Selu>();
    case Activation::silu:
      return run.template operator()<Silu>();
  }
}

LaunchShape shape_of(int64_t n, int count) {
  return {dev::ceil_div(n, int64_t{kThreads} * count), kThreads};
}

}  // namespace

void activation_forward(Cuda& cuda, const Tensor& x, Activation kind, Tensor& y) {
  const int64_t n = x.size();
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    for_activation(kind, [&]<class F>() {
      dev::for_pack(n % 8 == 0 && dev::aligned(x.data<T>(), y.data<T>()), [&]<int kCount>() {
        dev::launch(cuda, "activation_forward", activation_forward_kernel<F, T, kCount>,
                    shape_of(n, kCount), x.data<T>(), y.data<T>(), n);
      });
    });
  });
}

void activation_backward(Cuda& cuda, const Tensor& dy, const Tensor& x, Activation kind,
                         Tensor& dx) {
  const int64_t n = x.size();
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    const bool eights = n % 8 == 0 && dev::aligned(dy.data<T>(), x.data<T>(), dx.data<T>());
    for_activation(kind, [&]<class F>() {
      dev::for_pack(eights, [&]<int kCount>() {
        dev::launch(cuda, "activation_backward", activation_backward_kernel<F, T, kCount>,
                    shape_of(n, kCount), dy.data<T>(), x.data<T>(), dx.data<T>(), n);
      });
    });
  });
}

}  // namespace vicinity::kernels
