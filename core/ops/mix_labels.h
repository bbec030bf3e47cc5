// Labels of mixed images.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

struct MixedLabels {
  Tensor partner;  // i32 [B]: labels[B - 1 - i]
  Tensor heavier;  // i32 [B]: labels[i] where weight[i] >= 0.5, else partner[i]
};

/// The labels of images that are `weight` themselves and else their partners, image B - 1 - i
/// (core/ops/normalize_images.h). labels: i32 [B], weight: f32 [B]. ShapeError.
MixedLabels mix_labels(const Tensor& labels, const Tensor& weight);

namespace kernels {
void mix_labels(Cpu&, const Tensor& labels, const Tensor& weight, MixedLabels& mixed);
void mix_labels(Cuda&, const Tensor& labels, const Tensor& weight, MixedLabels& mixed);
}  // namespace kernels

}  // namespace vicinity
