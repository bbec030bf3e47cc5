// Linear classifiers on frozen features: a grid of them, trained at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/model_config.h"
#include "train/probe/knn.h"

namespace vicinity {

/// Columns [begin, end) of the features, and what they are.
struct ProbeInput {
  int blocks = 1;        // DINOv2: class tokens of so many last layers
  bool avgpool = false;  // and the mean over the patches of the last one
  int64_t begin = 0, end = 0;
};

/// How many last layers the features must hold (FeatureSettings::blocks): DINOv2 4, or all it has;
/// DiNAT 0, its pooled map.
int probe_blocks(const ModelConfig& config);
/// DINOv2: class tokens of the last layer and of the last 4, each without and with the mean over
/// the patches, as published. DiNAT has no class token and maps of several widths, so there is one
/// input: the mean over its last map, what its classifier sees.
std::vector<ProbeInput> probe_inputs(const ModelConfig& config, int64_t width);

struct ProbeSettings {
  int64_t steps = 12500;
  int64_t batch = 128;  // at most as many as there are training images
  /// Each times batch / 256.
  std::vector<double> lrs = {1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3,
                             2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1};
  uint64_t seed = 0;
  std::function<void(int64_t)> progress;  // told how many steps are done; may be absent
};

struct ProbeHead {
  ProbeInput input;
  double base_lr = 0;
  Tensor weight, bias;         // f32 [K, C] and [K] on the CPU
  bool diverged = false;       // a weight is not finite: no guess counts
  int64_t top1 = 0, top5 = 0;  // of the validation images
};

struct ProbeResult {
  int64_t batch = 0;  // images of a step
  std::vector<ProbeHead> heads;
  size_t best = 0;    // most right at the first guess, of equal ones the first
  EvalReport report;  // of the best
};

/// Trains inputs x lrs heads on the same batches: weights N(0, 0.01^2), bias 0, mean cross-entropy
/// of each head, SGD with momentum 0.9 and no decay, cosine to 0; batches walk through shuffled
/// epochs without regard to their ends. Features and arithmetic fp32. The protocol of DINOv2's
/// linear evaluation (Oquab et al. 2023, arXiv:2304.07193, sec. 7.1), but for its augmentation:
/// features here are those of the images as evaluation sees them. 6 steps batch K sum of C lrs
/// flops, on `device`. The same bits on any number of threads. DivergedError if no head is finite.
ProbeResult linear_probe(const LabelledFeatures& train, const LabelledFeatures& val,
                         int64_t classes, const std::vector<ProbeInput>& inputs,
                         const ProbeSettings& settings, Device device);

/// The report of one head on features.
EvalReport report_of(const ProbeHead& head, const LabelledFeatures& features, int64_t classes);

}  // namespace vicinity
