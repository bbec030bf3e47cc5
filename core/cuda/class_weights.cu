// Weighted targets, a block per row; each adds up the weights of the batch for itself.
//   bytes     [B, K] written; weights and labels from cache
//   numerics  f32; sums in a fixed order. A label outside 0..K-1 makes NaNs (the host checks labels
//             before they are uploaded)
#include <cmath>

#include "core/cuda/dev.h"
#include "core/ops/class_weights.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

struct Labels {
  const int32_t *first, *second;
  const float* weight;
  float smoothing;
  const int32_t* batch;
  int64_t batch_size;
};

DEV_FN float weight_of(const float* weights, int64_t label, int64_t classes) {
  const float nan = dev::as_float(0x7fc00000u);
  return label >= 0 && label < classes ? weights[label] : nan;
}

DEV_KERNEL void weighted_targets_kernel(Labels labels, const float* weights, float* dense,
                                        int64_t classes) {
  DEV_SHARED(float, scratch, dev::kWarp);
  const int64_t row = dev::block(), first = labels.first[row];
  const int64_t second = labels.second != nullptr ? labels.second[row] : -1;
  const float share = labels.second != nullptr ? labels.weight[row] : 1.0f;
  float scale = 1;
  if (labels.second == nullptr) {
    float sum = 0;
    for (int64_t n = dev::thread(); n < labels.batch_size; n += kThreads)
      sum += weight_of(weights, labels.batch[n], classes);
    scale = dev::divide(static_cast<float>(labels.batch_size), dev::block_sum(sum, scratch));
  }
  const float base = dev::divide(labels.smoothing, static_cast<float>(classes));
  for (int64_t k = dev::thread(); k < classes; k += kThreads) {
    const float label = (k == first ? share : 0.0f) + (k == second ? 1 - share : 0.0f);
    dense[row * classes + k] = scale * weights[k] * (base + (1 - labels.smoothing) * label);
  }
}

}  // namespace

void weighted_targets(Cuda& cuda, const Targets& targets, const Tensor& class_weights,
                      const Tensor& batch_labels, Tensor& dense) {
  const Labels labels{targets.first.data<int32_t>(),       data_or_null<int32_t>(targets.second),
                      data_or_null<float>(targets.weight), static_cast<float>(targets.smoothing),
                      batch_labels.data<int32_t>(),        batch_labels.size()};
  dev::launch(cuda, "weighted_targets", weighted_targets_kernel, {dense.dim(0), kThreads}, labels,
              class_weights.data<float>(), dense.data<float>(), dense.dim(1));
}

}  // namespace vicinity::kernels
