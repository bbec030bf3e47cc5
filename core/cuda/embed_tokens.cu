// The token sequence of a ViT and its gradients.
//   bytes     forward: patches + y; backward: dy + dpatches; parameters and their gradients once
//             (forward: from the cache), the partial sums of the mask token written and read once
//   numerics  f32 sums over samples in sample order; the mask token's: so for each patch position,
//             then over positions as column_sum adds rows; y rounds once
//   sizes     four neighbouring channels a thread; backward keeps eight samples on their way
#include "core/cuda/runs.cuh"
#include "core/ops/column_sum.h"
#include "core/ops/embed_tokens.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kTokens = 8;             // of a forward block
constexpr int kBackwardThreads = 128;  // small blocks: there are few threads in all
constexpr int kSamples = 8;
constexpr int kRun = 4;

struct Sizes {
  int batch, tokens, extra, count, width;
};

struct Parameters {
  const float *cls, *positions, *registers, *mask_token;
};

template <class T, int n>
DEV_FN dev::Pack<T, n> rounded(const dev::Pack<float, n>& x) {
  dev::Pack<T, n> y;
  DEV_UNROLL
  for (int e = 0; e < n; ++e) y.at[e] = dev::from_float<T>(x.at[e]);
  return y;
}

template <class T, int n>
DEV_FN void add_to(dev::Pack<float, n>& sum, const dev::Pack<T, n>& x) {
  DEV_UNROLL
  for (int e = 0; e < n; ++e) sum.at[e] += dev::to_float(x.at[e]);
}

// What token t of sample b is before the patch's position joins: class token, register, patch.
template <class T, int n>
DEV_FN dev::Pack<float, n> content(const T* patches, const Parameters& parameters,
                                   const uint8_t* mask, const Sizes& s, int b, int t, int c) {
  if (t == 0) return dev::load_pack<n>(parameters.cls + c);
  const int patch = t - 1 - s.extra;
  if (patch < 0) return dev::load_pack<n>(parameters.registers + int64_t{t - 1} * s.width + c);
  const int64_t row = int64_t{b} * s.count + patch;
  if (mask != nullptr && mask[row] != 0) return dev::load_pack<n>(parameters.mask_token + c);
  dev::Pack<float, n> value{};
  add_to(value, dev::load_pack<n>(patches + row * s.width + c));
  return value;
}

// A block has kTokens tokens of one sample.
template <class T, int n>
DEV_KERNEL void embed_tokens_forward_kernel(const T* patches, Parameters parameters,
                                            const uint8_t* mask, T* y, Sizes s) {
  const int groups = dev::ceil_div(s.tokens, kTokens), runs = s.width / n;
  const int b = static_cast<int>(dev::block()) / groups;
  const int first = static_cast<int>(dev::block()) % groups * kTokens;
  const int tokens = dev::min(kTokens, s.tokens - first);
  T* out = y + (int64_t{b} * s.tokens + first) * s.width;
  for (int p = dev::thread(); p < tokens * runs; p += kThreads) {
    const int t = first + p / runs, c = p % runs * n;
    dev::Pack<float, n> value = content<T, n>(patches, parameters, mask, s, b, t, c);
    if (t == 0 || t > s.extra) {
      const int64_t position = t == 0 ? 0 : t - s.extra;
      add_to(value, dev::load_pack<n>(parameters.positions + position * s.width + c));
    }
    dev::store_pack(out + int64_t{p} * n, rounded<T, n>(value));
  }
}

struct Gradients {
  float *dcls, *dpositions, *dregisters;
  float* hidden;  // [count, width], by patch position; null without a mask
};

// A thread has n channels of one token position and walks over the samples.
template <class T, int n>
DEV_KERNEL void embed_tokens_backward_kernel(const T* dy, const uint8_t* mask, T* dpatches,
                                             Gradients grads, Sizes s) {
  const int runs = s.width / n;
  const int64_t p = dev::block() * kBackwardThreads + dev::thread();
  if (p >= int64_t{s.tokens} * runs) return;
  const int t = static_cast<int>(p / runs), c = static_cast<int>(p % runs) * n;
  const int patch = t - 1 - s.extra;
  const bool masked = patch >= 0 && mask != nullptr;
  dev::Pack<float, n> sum{}, hidden_sum{};
  for (int first = 0; first < s.batch; first += kSamples) {
    dev::Pack<T, n> rows[kSamples];
    bool hidden[kSamples];
    DEV_UNROLL
    for (int k = 0; k < kSamples; ++k) {
      const int64_t b = first + k;
      const bool there = b < s.batch;
      rows[k] =
          there ? dev::load_pack<n>(dy + (b * s.tokens + t) * s.width + c) : dev::Pack<T, n>{};
      hidden[k] = there && masked && mask[b * s.count + patch] != 0;
    }
    DEV_UNROLL
    for (int k = 0; k < kSamples; ++k) {
      const int64_t b = first + k;
      if (b >= s.batch) continue;
      add_to(sum, rows[k]);
      if (hidden[k]) {
        add_to(hidden_sum, rows[k]);
        rows[k] = {};
      }
      if (patch >= 0) dev::store_pack(dpatches + (b * s.count + patch) * s.width + c, rows[k]);
    }
  }
  if (t == 0) dev::store_pack(grads.dcls + c, sum);
  if (t > 0 && patch < 0) dev::store_pack(grads.dregisters + int64_t{t - 1} * s.width + c, sum);
  if (t == 0 || patch >= 0)
    dev::store_pack(grads.dpositions + int64_t{t == 0 ? 0 : 1 + patch} * s.width + c, sum);
  if (masked) dev::store_pack(grads.hidden + int64_t{patch} * s.width + c, hidden_sum);
}

Sizes sizes_of(const Tensor& sequence, int64_t extra) {
  const auto tokens = static_cast<int>(sequence.dim(1));
  return {static_cast<int>(sequence.dim(0)), tokens, static_cast<int>(extra),
          tokens - 1 - static_cast<int>(extra), static_cast<int>(sequence.dim(2))};
}

// Rows of T and of float begin at multiples of a run.
template <class T, class F>
void for_width(int width, F&& f) {
  for_run<T, kRun>(static_cast<uint64_t>(width) * sizeof(T), std::forward<F>(f));
}

}  // namespace

void embed_tokens_forward(Cuda& cuda, const Tensor& patches, const Tensor& cls,
                          const Tensor& positions, const Tensor& registers,
                          const Tensor& mask_token, const Tensor& mask, Tensor& y) {
  const Sizes s = sizes_of(y, registers.defined() ? registers.dim(0) : 0);
  const Parameters parameters{cls.data<float>(), positions.data<float>(),
                              data_or_null<float>(registers), data_or_null<float>(mask_token)};
  for_cuda_dtype(y.dtype(), [&]<class T>() {
    for_width<T>(s.width, [&]<int n>() {
      dev::launch(cuda, "embed_tokens", embed_tokens_forward_kernel<T, n>,
                  LaunchShape{int64_t{s.batch} * dev::ceil_div(s.tokens, kTokens), kThreads},
                  patches.data<T>(), parameters, data_or_null<uint8_t>(mask), y.data<T>(), s);
    });
  });
}

void embed_tokens_backward(Cuda& cuda, const Tensor& dy, int64_t registers, const Tensor& mask,
                           EmbedTokensGrads& grads) {
  const Sizes s = sizes_of(dy, registers);
  Tensor hidden = mask.defined() ? empty({s.count, s.width}, DType::f32, kCuda) : Tensor();
  const Gradients sums{grads.dcls.data<float>(), grads.dpositions.data<float>(),
                       data_or_null<float>(grads.dregisters), data_or_null<float>(hidden)};
  for_cuda_dtype(dy.dtype(), [&]<class T>() {
    for_width<T>(s.width, [&]<int n>() {
      dev::launch(
          cuda, "embed_tokens_backward", embed_tokens_backward_kernel<T, n>,
          LaunchShape{dev::ceil_div(int64_t{s.tokens} * (s.width / n), int64_t{kBackwardThreads}),
                      kBackwardThreads},
          dy.data<T>(), data_or_null<uint8_t>(mask), grads.dpatches.data<T>(), sums, s);
    });
  });
  if (hidden.defined()) grads.dmask_token = column_sum(hidden);
}

}  // namespace vicinity::kernels
