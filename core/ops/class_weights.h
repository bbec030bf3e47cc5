// Weights of the classes in the cross-entropy, as PyTorch's CrossEntropyLoss has them.
#pragma once

#include "core/ops/cross_entropy.h"

namespace vicinity {

/// t[b, k] = scale * w[k] * ((1 - s) (v [k = first[b]] + (1 - v) [k = second[b]]) + s / K): dense
/// targets whose losses have as their mean over the batch what
/// CrossEntropyLoss(weight=w, label_smoothing=s) gives. For labels that is a weighted mean, scale =
/// N / sum_n w[batch_labels[n]]; for mixed labels (`second`) a plain one, scale = 1.
/// targets: first, second, weight (v) and smoothing (s), for B rows; class_weights: f32 or f64 [K];
/// batch_labels: i32 [N], those of the whole batch -> [B, K] like the weights. ShapeError where
/// targets are dense already.
Tensor weighted_targets(const Targets& targets, const Tensor& class_weights,
                        const Tensor& batch_labels);

namespace kernels {
void weighted_targets(Cpu&, const Targets& targets, const Tensor& class_weights,
                      const Tensor& batch_labels, Tensor& dense);
void weighted_targets(Cuda&, const Targets& targets, const Tensor& class_weights,
                      const Tensor& batch_labels, Tensor& dense);
}  // namespace kernels

}  // namespace vicinity
