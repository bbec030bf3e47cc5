// SwiGLU gate: one pass.
//   bytes     forward 1.5, backward 2.5 times x, 16 bytes at a time where eights divide a row
//   numerics  f32; exp is exp2 of a product
#include "core/ops/swiglu.h"

#include "core/cuda/pack.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

DEV_FN float sigmoid(float x) {
  return dev::reciprocal_fast(1 + dev::exp2_fast(-1.44269504088896341f * x));
}

/// Where this thread works: element `y` of [rows, features], element `gate` of [rows, 2 features].
struct Place {
  int64_t y, gate;
};
template <int kCount>
DEV_FN Place place(int64_t features) {
  const int64_t i = dev::block() * kThreads + dev::thread();
  // An index of eights fits 32 bits (2^35 elements), whose division is cheap.
  const int64_t row =
      kCount == 8 ? static_cast<uint32_t>(i) / static_cast<uint32_t>(features / 8) : i / features;
  return {i * kCount, i * kCount + row * features};
}

template <class T, int kCount>
DEV_KERNEL void swiglu_forward_kernel(const T* x, T* y, int64_t features, int64_t n) {
  const Place at = place<kCount>(features);
  if (at.y >= n) return;
  const dev::Pack<T, kCount> gate = dev::load_pack<kCount>(x + at.gate);
  dev::Pack<T, kCount> value = dev::load_pack<kCount>(x + at.gate + features);
  DEV_UNROLL
  for (int k = 0; k < kCount; ++k) {
    const float g = dev::to_float(gate.at[k]);
    value.at[k] = dev::from_float<T>(g * sigmoid(g) * dev::to_float(value.at[k]));
  }
  dev::store_pack(y + at.y, value);
}

template <class T, int kCount>
DEV_KERNEL void swiglu_backward_kernel(const T* dy, const T* x, T* dx, int64_t features,
                                       int64_t n) {
  const Place at = place<kCount>(features);
  if (at.y >= n) return;
  const dev::Pack<T, kCount> up = dev::load_pack<kCount>(dy + at.y);
  dev::Pack<T, kCount> gate = dev::load_pack<kCount>(x + at.gate);
  dev::Pack<T, kCount> value = dev::load_pack<kCount>(x + at.gate + features);
  DEV_UNROLL
  for (int k = 0; k < kCount; ++k) {
    const float d = dev::to_float(up.at[k]), g = dev::to_float(gate.at[k]), s = sigmoid(g);
    gate.at[k] = dev::from_float<T>(d * dev::to_float(value.at[k]) * s * (1 + g * (1 - s)));
    value.at[k] = dev::from_float<T>(d * g * s);
  }
  dev::store_pack(dx + at.gate, gate);
  dev::store_pack(dx + at.gate + features, value);
}

LaunchShape shape_of(int64_t n, int count) {
  return {dev::ceil_div(n, int64_t{kThreads} * count), kThreads};
}

}  // namespace

void swiglu_forward(Cuda& cuda, const Tensor& x, Tensor& y) {
  const int64_t features = y.dim(-1), n = y.size();
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    dev::for_pack(features % 8 == 0 && dev::aligned(x.data<T>(), y.data<T>()), [&]<int kCount>() {
      dev::launch(cuda, "swiglu_forward", swiglu_forward_kernel<T, kCount>, shape_of(n, kCount),
                  x.data<T>(), y.data<T>(), features, n);
    });
  });
}

void swiglu_backward(Cuda& cuda, const Tensor& dy, const Tensor& x, Tensor& dx) {
  const int64_t features = dy.dim(-1), n = dy.size();
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    const bool eights = features % 8 == 0 && dev::aligned(dy.data<T>(), x.data<T>(), dx.data<T>());
    dev::for_pack(eights, [&]<int kCount>() {
      dev::launch(cuda, "swiglu_backward", swiglu_backward_kernel<T, kCount>, shape_of(n, kCount),
                  dy.data<T>(), x.data<T>(), dx.data<T>(), features, n);
    });
  });
}

}  // namespace vicinity::kernels
