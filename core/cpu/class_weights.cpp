// Weighted targets on the CPU: small beside the logits' product.
#include "core/ops/class_weights.h"

namespace vicinity::kernels {
namespace {

// Of labels the weighted mean, of mixed ones the plain mean.
template <class T>
double scale_of(const Targets& targets, const T* weights, const Tensor& batch_labels) {
  if (targets.second.defined()) return 1;
  double sum = 0;
  for (const int32_t label : values_of<int32_t>(batch_labels))
    sum += static_cast<double>(weights[label]);
  return static_cast<double>(batch_labels.size()) / sum;
}

template <class T>
void fill(const Targets& targets, const T* weights, const Tensor& batch_labels, Tensor& dense) {
  const int64_t classes = dense.dim(1);
  const double scale = scale_of(targets, weights, batch_labels),
               base = targets.smoothing / static_cast<double>(classes);
  for (int64_t b = 0; b < dense.dim(0); ++b) {
    T* row = dense.data<T>() + b * classes;
    const auto add = [&](int32_t label, double share) {
      row[label] += static_cast<T>((1 - targets.smoothing) * share * scale *
                                   static_cast<double>(weights[label]));
    };
    for (int64_t k = 0; k < classes; ++k)
      row[k] = static_cast<T>(base * scale * static_cast<double>(weights[k]));
    const double first =
        targets.second.defined() ? static_cast<double>(targets.weight.data<float>()[b]) : 1;
    add(targets.first.data<int32_t>()[b], first);
    if (targets.second.defined()) add(targets.second.data<int32_t>()[b], 1 - first);
  }
}

}  // namespace

void weighted_targets(Cpu&, const Targets& targets, const Tensor& class_weights,
                      const Tensor& batch_labels, Tensor& dense) {
  if (class_weights.dtype() == DType::f64) {
    fill(targets, class_weights.data<double>(), batch_labels, dense);
  } else {
    fill(targets, class_weights.data<float>(), batch_labels, dense);
  }
}

}  // namespace vicinity::kernels
