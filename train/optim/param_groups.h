// Which parameters decay, how fast each learns, and which stay as they are.
#pragma once

#include <string>
#include <vector>

#include "core/ops/update_ranges.h"
#include "models/model.h"
#include "train/optim/optimizer.h"

namespace vicinity {

/// How one published tensor is trained.
struct ParamRule {
  bool decay = true;
  bool frozen = false;
  double lr_scale = 1;
};

/// The layer of a published tensor, counted from below, for optim.layer_decay.
///   DINOv2  0 embeddings and tokens, i + 1 block i, then last norm and classifier: the numbers of
///           BEiT, MAE and DINOv2 (timm counts the last norm with the last block)
///   DiNAT   0 tokenizer, then every block of every level, in order, each downsampler with the
///           block that reads it, as timm counts Swin's; then last norm and classifier
int64_t layer_number(const std::string& name, const ModelConfig& config);
/// The number of the classifier: the largest.
int64_t last_layer(const ModelConfig& config);

/// Decay: no tensor of one axis, no bias, no layer scale (DiNAT's is one [2, C]), nothing that
/// matches optim.no_decay; relative position biases decay, as they did in the published DiNATs, and
/// position tables and tokens, as in DINOv2's training. lr_scale: layer_decay to the power of the
/// layers above. Patterns are those of fnmatch(3) (* ? [0-9]) over the name without `dinat.`,
/// `dinov2.` or `dinov2_with_registers.`.
ParamRule rule_of(const Published& parameter, const ModelConfig& model, const OptimConfig& optim);

/// Freezes what optim.freeze names, so that no gradient is computed for it, and gives the ranges of
/// the other flat parameters, each with its rule. ConfigError names a pattern of freeze or no_decay
/// that fits no tensor, and a model with nothing left to train.
std::vector<UpdateRange> trainable_ranges(Model& model, const OptimConfig& optim);

}  // namespace vicinity
