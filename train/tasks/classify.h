// Supervised classification: one label an image, or two where images are mixed; cross-entropy with
// label smoothing.
#pragma once

#include "data/transforms/pipeline.h"
#include "models/model.h"
#include "train/mixing.h"
#include "train/tasks/task.h"

namespace vicinity {

/// The target of an image is (1 - smoothing) times its label, mixed with its partner's as the
/// images are, and smoothing / K for every class. What counts as right, of mixed images, is the
/// label with the larger weight.
class Classify : public Task {
 public:
  /// class_weights: [K] like the logits, on the model's device, or absent for 1 each.
  Classify(Model& model, Normalization normalization, double smoothing, const Mixing& mixing = {},
           Tensor class_weights = {})
      : model_(model),
        normalization_(std::move(normalization)),
        smoothing_(smoothing),
        mixing_(mixing),
        class_weights_(std::move(class_weights)) {}

  Variable loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) override;

 private:
  Model& model_;
  Normalization normalization_;
  double smoothing_;
  Mixing mixing_;
  Tensor class_weights_;
};

}  // namespace vicinity
