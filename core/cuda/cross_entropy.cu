// Cross-entropy, a block per row of logits.
//   bytes     logits (and dense targets) once from memory, once or, in backward, twice more from
//             cache; backward writes dlogits
//   numerics  f32; the largest logit is taken away before exp. A label outside 0..K-1 makes its
//             row's loss and gradient NaN (the host checks labels before they are uploaded)
#include "core/ops/cross_entropy.h"

#include <cmath>

#include "core/cuda/dev.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

/// The largest x of a block, in every thread. `scratch` as for dev::block_sum.
DEV_FN float block_max(float x, float* scratch) {
  x = dev::warp_max(x);
  if (dev::lane() == 0) scratch[dev::warp()] = x;
  dev::sync();
  x = dev::warp_max(scratch[dev::lane() % (kThreads / dev::kWarp)]);
  dev::sync();
  return x;
}

/// Pointers of Targets; what is absent is null.
struct DeviceTargets {
  const int32_t *first, *second;
  const float *weight, *dense;
  float smoothing;
};

/// The targets of a row: `dense`, or the same share for every class and two labels on top.
struct RowTargets {
  const float* dense = nullptr;
  float base = 0;
  int64_t labels[2] = {-1, -1};
  float shares[2] = {};

  DEV_FN RowTargets(const DeviceTargets& t, int64_t row, int64_t classes) {
    if (t.dense != nullptr) {
      dense = t.dense + row * classes;
      return;
    }
    const float w = t.second != nullptr ? t.weight[row] : 1.0f;
    base = dev::divide(t.smoothing, static_cast<float>(classes));
    set(0, t.first[row], (1 - t.smoothing) * w, classes);
    if (t.second != nullptr) set(1, t.second[row], (1 - t.smoothing) * (1 - w), classes);
  }
  DEV_FN void set(int i, int64_t label, float share, int64_t classes) {
    labels[i] = label;
    shares[i] = share;
    if (label < 0 || label >= classes) base = dev::as_float(0x7fc00000u);  // NaN
  }
  DEV_FN float at(int64_t k) const {
    if (dense != nullptr) return dense[k];
    return base + (k == labels[0] ? shares[0] : 0.0f) + (k == labels[1] ? shares[1] : 0.0f);
  }
};

/// f(k) for the classes of this thread.
template <class F>
DEV_FN void for_classes(int64_t classes, F f) {
  for (int64_t k = dev::thread(); k < classes; k += kThreads) f(k);
}

/// What loss and gradient of a row come from, in every thread.
struct RowSums {
  float most;          // largest logit
  float exponentials;  // sum of exp(logit - most)
  float mass;          // sum of the targets
  float below;         // sum of target (most - logit)
};
DEV_FN RowSums sums_of_row(const float* row, const RowTargets& t, int64_t classes, float* scratch) {
  RowSums sums{-INFINITY, 0, 0, 0};
  for_classes(classes, [&](int64_t k) { sums.most = dev::max(sums.most, row[k]); });
  sums.most = block_max(sums.most, scratch);
  for_classes(classes, [&](int64_t k) {
    const float below = sums.most - row[k], target = t.at(k);
    sums.exponentials += dev::exp(-below);
    sums.mass += target;
    // A logit of -inf costs nothing where its target is 0.
    if (target != 0) sums.below = dev::fma(target, below, sums.below);
  });
  for (float* sum : {&sums.exponentials, &sums.mass, &sums.below})
    *sum = dev::block_sum(*sum, scratch);
  return sums;
}

DEV_KERNEL void cross_entropy_forward_kernel(const float* logits, DeviceTargets targets,
                                             float* losses, int64_t classes) {
  DEV_SHARED(float, scratch, dev::kWarp);
  const float* row = logits + dev::block() * classes;
  const RowTargets t(targets, dev::block(), classes);
  const RowSums sums = sums_of_row(row, t, classes, scratch);
  if (dev::thread() == 0)
    losses[dev::block()] = dev::fma(sums.mass, dev::log(sums.exponentials), sums.below);
}

DEV_KERNEL void cross_entropy_backward_kernel(const float* dlosses, const float* logits,
                                              DeviceTargets targets, float* dlogits,
                                              int64_t classes) {
  DEV_SHARED(float, scratch, dev::kWarp);
  const int64_t at = dev::block() * classes;
  const float *row = logits + at, up = dlosses[dev::block()];
  const RowTargets t(targets, dev::block(), classes);
  const RowSums sums = sums_of_row(row, t, classes, scratch);
  const float scale = dev::divide(up * sums.mass, sums.exponentials);
  for_classes(classes, [&](int64_t k) {
    dlogits[at + k] = dev::exp(row[k] - sums.most) * scale - up * t.at(k);
  });
}

/// One block: each thread adds every 256th in order.
DEV_KERNEL void sum_scaled_kernel(const float* x, float factor, float* y, int64_t n) {
  DEV_SHARED(float, scratch, dev::kWarp);
  float sum = 0;
  for_classes(n, [&](int64_t i) { sum += x[i]; });
  sum = dev::block_sum(sum, scratch);
  if (dev::thread() == 0) y[0] = sum * factor;
}

DEV_KERNEL void sum_scaled_backward_kernel(const float* dy, float factor, float* dx, int64_t n) {
  const int64_t i = dev::block() * kThreads + dev::thread();
  if (i < n) dx[i] = dy[0] * factor;
}

DeviceTargets pointers_of(const Targets& t) {
  return {data_or_null<int32_t>(t.first), data_or_null<int32_t>(t.second),
          data_or_null<float>(t.weight), data_or_null<float>(t.dense),
          static_cast<float>(t.smoothing)};
}

}  // namespace

void cross_entropy_forward(Cuda& cuda, const Tensor& logits, const Targets& targets,
                           Tensor& losses) {
  dev::launch(cuda, "cross_entropy_forward", cross_entropy_forward_kernel,
              {logits.dim(0), kThreads}, logits.data<float>(), pointers_of(targets),
              losses.data<float>(), logits.dim(1));
}

void cross_entropy_backward(Cuda& cuda, const Tensor& dlosses, const Tensor& logits,
                            const Targets& targets, Tensor& dlogits) {
  dev::launch(cuda, "cross_entropy_backward", cross_entropy_backward_kernel,
              {logits.dim(0), kThreads}, dlosses.data<float>(), logits.data<float>(),
              pointers_of(targets), dlogits.data<float>(), logits.dim(1));
}

void sum_scaled(Cuda& cuda, const Tensor& x, double factor, Tensor& y) {
  dev::launch(cuda, "sum_scaled", sum_scaled_kernel, {1, kThreads}, x.data<float>(), factor,
              y.data<float>(), x.size());
}

void sum_scaled_backward(Cuda& cuda, const Tensor& dy, double factor, Tensor& dx) {
  if (dx.size() == 0) return;
  dev::launch(cuda, "sum_scaled_backward", sum_scaled_backward_kernel,
              {dev::ceil_div(dx.size(), int64_t{kThreads}), kThreads}, dy.data<float>(), factor,
              dx.data<float>(), dx.size());
}

}  // namespace vicinity::kernels
