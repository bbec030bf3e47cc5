// Cross-entropy on the CPU, a row of logits at a time.
#include "core/ops/cross_entropy.h"

#include <cmath>

#define HWY_TARGET_INCLUDE "core/cpu/cross_entropy.cpp"
#include "core/cpu/softmax_rows.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

/// Sum of f(first, length) over blocks: exact enough in f32 within a block, added in f64.
template <class F>
HWY_INLINE double sum_of_blocks(int64_t count, F&& f) {
  constexpr int64_t kBlock = 1024;
  double sum = 0;
  for (int64_t i = 0; i < count; i += kBlock) sum += f(i, count - i < kBlock ? count - i : kBlock);
  return sum;
}

template <class T>
double sum_of_exponentials(const T* x, int64_t count, T most) {
  return sum_of_blocks(count, [&](int64_t first, int64_t length) {
    Lanes<T> sum;
    for_lanes<T>(length, [&](int64_t i, auto part) {
      sum += keep(exp(load(x + first + i, part) - most), part);
    });
    return sum.sum();
  });
}

/// Sum of t (most - x); where t is absent, it is 1. A logit of -inf costs nothing where t is 0.
template <class T>
double sum_below(const T* t, const T* x, int64_t count, T most) {
  return sum_of_blocks(count, [&](int64_t first, int64_t length) {
    Lanes<T> sum;
    for_lanes<T>(length, [&](int64_t i, auto part) {
      const Lanes<T> below = most - load(x + first + i, part);
      const Lanes<T> weight = t != nullptr ? load(t + first + i, part) : Lanes<T>(T{1});
      sum += keep(where_positive(abs(weight), weight * below, T{0}), part);
    });
    return sum.sum();
  });
}

template <class T>
double sum_of(const T* x, int64_t count) {
  return sum_of_blocks(count, [&](int64_t first, int64_t length) {
    Lanes<T> sum;
    for_lanes<T>(length, [&](int64_t i, auto part) { sum += load(x + first + i, part); });
    return sum.sum();
  });
}

/// dx = scale exp(x - most) - up t; where t is absent, it is 1.
template <class T>
void gradient_row(const T* t, const T* x, int64_t count, T most, T scale, T up, T* dx) {
  for_lanes<T>(count, [&](int64_t i, auto part) {
    const Lanes<T> target = t != nullptr ? up * load(t + i, part) : Lanes<T>(up);
    store(exp(load(x + i, part) - most) * scale - target, dx + i, part);
  });
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity::kernels {
namespace {

template <class F>
void for_logits(const Tensor& logits, F&& f) {
  if (logits.dtype() == DType::f64) return f.template operator()<double>();
  f.template operator()<float>();
}

// The targets of sample b: `dense`, or the same share for every class and two labels on top.
template <class T>
struct RowTargets {
  const T* dense;
  double base = 0;
  struct {
    int32_t label;
    double share;
  } labels[2] = {};

  RowTargets(const Targets& t, int64_t b, int64_t classes)
      : dense(t.dense.defined() ? t.dense.data<T>() + b * classes : nullptr) {
    if (dense != nullptr) return;
    const double w = t.second.defined() ? static_cast<double>(t.weight.data<float>()[b]) : 1.0;
    base = t.smoothing / static_cast<double>(classes);
    labels[0] = {t.first.data<int32_t>()[b], (1 - t.smoothing) * w};
    if (t.second.defined()) labels[1] = {t.second.data<int32_t>()[b], (1 - t.smoothing) * (1 - w)};
  }
  /// Sum of the targets.
  double mass(int64_t classes) const {
    if (dense != nullptr) return VIC_SIMD(sum_of<T>)(dense, classes);
    return base * static_cast<double>(classes) + labels[0].share + labels[1].share;
  }
};

}  // namespace

void cross_entropy_forward(Cpu& cpu, const Tensor& logits, const Targets& targets, Tensor& losses) {
  const int64_t classes = logits.dim(1);
  for_logits(logits, [&]<class T>() {
    const auto largest = VIC_SIMD(most_of<T>);
    const auto exponentials = VIC_SIMD(sum_of_exponentials<T>);
    const auto below = VIC_SIMD(sum_below<T>);
    cpu.parallel_rows(logits.dim(0), classes, [&](int64_t b) {
      const T* row = logits.data<T>() + b * classes;
      const RowTargets<T> t(targets, b, classes);
      const T most = largest(row, classes);
      double loss = t.mass(classes) * std::log(exponentials(row, classes, most));
      if (t.dense != nullptr) loss += below(t.dense, row, classes, most);
      if (t.base != 0) loss += t.base * below(nullptr, row, classes, most);
      for (const auto& [label, share] : t.labels) {
        if (share != 0)
          loss += share * (static_cast<double>(most) - static_cast<double>(row[label]));
      }
      losses.data<T>()[b] = static_cast<T>(loss);
    });
  });
}

void cross_entropy_backward(Cpu& cpu, const Tensor& dlosses, const Tensor& logits,
                            const Targets& targets, Tensor& dlogits) {
  const int64_t classes = logits.dim(1);
  for_logits(logits, [&]<class T>() {
    const auto largest = VIC_SIMD(most_of<T>);
    const auto exponentials = VIC_SIMD(sum_of_exponentials<T>);
    const auto gradient = VIC_SIMD(gradient_row<T>);
    cpu.parallel_rows(logits.dim(0), classes, [&](int64_t b) {
      const T* row = logits.data<T>() + b * classes;
      T* out = dlogits.data<T>() + b * classes;
      const RowTargets<T> t(targets, b, classes);
      const T most = largest(row, classes);
      const auto up = static_cast<double>(dlosses.data<T>()[b]);
      const double scale = up * t.mass(classes) / exponentials(row, classes, most);
      gradient(t.dense, row, classes, most, static_cast<T>(scale),
               static_cast<T>(t.dense != nullptr ? up : up * t.base), out);
      for (const auto& [label, share] : t.labels) {
        if (share != 0) out[label] -= static_cast<T>(up * share);
      }
    });
  });
}

void sum_scaled(Cpu&, const Tensor& x, double factor, Tensor& y) {
  for_logits(x, [&]<class T>() {
    double sum = 0;
    for (int64_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x.data<T>()[i]);
    y.data<T>()[0] = static_cast<T>(sum * factor);
  });
}

void sum_scaled_backward(Cpu&, const Tensor& dy, double factor, Tensor& dx) {
  for_logits(dy, [&]<class T>() {
    std::fill_n(dx.data<T>(), dx.size(),
                static_cast<T>(static_cast<double>(dy.data<T>()[0]) * factor));
  });
}

}  // namespace vicinity::kernels
#endif
