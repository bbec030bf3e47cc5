#include "core/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace vicinity::kernels {
namespace {

// Target of class k for sample b.
template <class T>
double target(const Targets& t, int64_t b, int64_t k, int64_t classes) {
  if (t.dense.defined()) return static_cast<double>(t.dense.data<T>()[b * classes + k]);
  const double w = t.second.defined() ? static_cast<double>(t.weight.data<float>()[b]) : 1.0;
  double mixed = t.first.data<int32_t>()[b] == k ? w : 0.0;
  if (t.second.defined() && t.second.data<int32_t>()[b] == k) mixed += 1 - w;
  return (1 - t.smoothing) * mixed + t.smoothing / static_cast<double>(classes);
}

template <class T>
double log_sum_exp(const T* row, int64_t classes) {
  const double most = *std::max_element(row, row + classes);
  double sum = 0;
  for (int64_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(row[k]) - most);
  return most + std::log(sum);
}

template <class F>
void for_logits(const Tensor& logits, F&& f) {
  if (logits.dtype() == DType::f64) return f.template operator()<double>();
  f.template operator()<float>();
}

}  // namespace

void cross_entropy_forward(Cpu& cpu, const Tensor& logits, const Targets& targets, Tensor& losses) {
  const int64_t classes = logits.dim(1);
  for_logits(logits, [&]<class T>() {
    cpu.parallel_rows(logits.dim(0), classes, [&](int64_t b) {
      const T* row = logits.data<T>() + b * classes;
      const double log_sum = log_sum_exp(row, classes);
      double loss = 0;
      for (int64_t k = 0; k < classes; ++k) {
        const double t = target<T>(targets, b, k, classes);
        if (t != 0) loss += t * (log_sum - static_cast<double>(row[k]));
      }
      losses.data<T>()[b] = static_cast<T>(loss);
    });
  });
}

void cross_entropy_backward(Cpu& cpu, const Tensor& dlosses, const Tensor& logits,
                            const Targets& targets, Tensor& dlogits) {
  const int64_t classes = logits.dim(1);
  for_logits(logits, [&]<class T>() {
    cpu.parallel_rows(logits.dim(0), classes, [&](int64_t b) {
      const T* row = logits.data<T>() + b * classes;
      const double log_sum = log_sum_exp(row, classes),
                   up = static_cast<double>(dlosses.data<T>()[b]);
      double mass = 0;
      for (int64_t k = 0; k < classes; ++k) mass += target<T>(targets, b, k, classes);
      for (int64_t k = 0; k < classes; ++k) {
        const double p = std::exp(static_cast<double>(row[k]) - log_sum);
        dlogits.data<T>()[b * classes + k] =
            static_cast<T>(up * (p * mass - target<T>(targets, b, k, classes)));
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
