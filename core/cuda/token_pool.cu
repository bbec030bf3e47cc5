// From tokens to one vector per image.
//   bytes     forward reads x, backward writes dx, each once; 16 bytes at a time where the width
//             comes in eights
//   numerics  f32 sums in token order
//   sizes     forward: a thread per image and eight channels, sixteen tokens under way
#include "core/ops/token_pool.h"

#include "core/cuda/pack.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 64;  // images and channels are few
constexpr int kAhead = 16;

template <class T, int kCount>
DEV_KERNEL void token_pool_forward_kernel(const T* x, float* y, int64_t batch, int64_t tokens,
                                          int64_t width, int64_t first, bool with_cls) {
  const int64_t packs = width / kCount, i = dev::block() * kThreads + dev::thread();
  if (i >= batch * packs) return;
  const int64_t b = i / packs, c = i % packs * kCount;
  const T* in = x + b * tokens * width + c;
  float* out = y + b * (with_cls ? 2 : 1) * width + c;
  if (with_cls) {
    const dev::Pack<T, kCount> cls = dev::load_pack<kCount>(in);
    dev::Pack<float, kCount> copy;
    DEV_UNROLL
    for (int k = 0; k < kCount; ++k) copy.at[k] = dev::to_float(cls.at[k]);
    dev::store_pack(out, copy);
    out += width;
  }
  dev::Pack<float, kCount> sum = {};
  for (int64_t start = first; start < tokens; start += kAhead) {
    dev::Pack<T, kCount> values[kAhead] = {};
    DEV_UNROLL
    for (int t = 0; t < kAhead; ++t) {
      if (start + t < tokens) values[t] = dev::load_pack<kCount>(in + (start + t) * width);
    }
    DEV_UNROLL
    for (int t = 0; t < kAhead; ++t) {
      if (start + t >= tokens) break;
      DEV_UNROLL
      for (int k = 0; k < kCount; ++k) sum.at[k] += dev::to_float(values[t].at[k]);
    }
  }
  DEV_UNROLL
  for (float& value : sum.at) value = dev::divide(value, static_cast<float>(tokens - first));
  dev::store_pack(out, sum);
}

template <class T, int kCount>
DEV_KERNEL void token_pool_backward_kernel(const float* dy, T* dx, int64_t batch, int64_t tokens,
                                           int64_t width, int64_t first, bool with_cls) {
  const int64_t packs = width / kCount, i = dev::block() * kThreads + dev::thread();
  if (i >= batch * tokens * packs) return;
  const int64_t row = i / packs, c = i % packs * kCount, b = row / tokens, t = row % tokens;
  const float* cls = dy + b * (with_cls ? 2 : 1) * width + c;
  const float* mean = with_cls ? cls + width : cls;
  dev::Pack<T, kCount> out;
  DEV_UNROLL
  for (int k = 0; k < kCount; ++k) {
    float d = t >= first ? dev::divide(mean[k], static_cast<float>(tokens - first)) : 0.0f;
    if (t == 0 && with_cls) d += cls[k];
    out.at[k] = dev::from_float<T>(d);
  }
  dev::store_pack(dx + i * kCount, out);
}

}  // namespace

void token_pool_forward(Cuda& cuda, const Tensor& x, int64_t first, bool with_cls, Tensor& y) {
  const int64_t batch = x.dim(0), width = x.dim(2);
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    dev::for_pack(width % 8 == 0 && dev::aligned(x.data<T>(), y.data<float>()), [&]<int kCount>() {
      dev::launch(cuda, "token_pool_forward", token_pool_forward_kernel<T, kCount>,
                  {dev::ceil_div(batch * (width / kCount), int64_t{kThreads}), kThreads},
                  x.data<T>(), y.data<float>(), batch, x.dim(1), width, first, with_cls);
    });
  });
}

void token_pool_backward(Cuda& cuda, const Tensor& dy, int64_t first, bool with_cls, Tensor& dx) {
  const int64_t batch = dx.dim(0), tokens = dx.dim(1), width = dx.dim(2);
  for_cuda_dtype(dx.dtype(), [&]<class T>() {
    dev::for_pack(width % 8 == 0 && dev::aligned(dx.data<T>()), [&]<int kCount>() {
      dev::launch(cuda, "token_pool_backward", token_pool_backward_kernel<T, kCount>,
                  {dev::ceil_div(dx.size(), int64_t{kThreads} * kCount), kThreads},
                  dy.data<float>(), dx.data<T>(), batch, tokens, width, first, with_cls);
    });
  });
}

}  // namespace vicinity::kernels
