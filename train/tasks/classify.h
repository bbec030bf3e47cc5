// Supervised classification: one label an image, cross-entropy with label smoothing.
#pragma once

#include "models/model.h"
#include "train/tasks/task.h"

namespace vicinity {

/// Mean and standard deviation per channel, of pixels scaled to 0..1.
struct Normalization {
  std::vector<float> mean = {0.485f, 0.456f, 0.406f};
  std::vector<float> std = {0.229f, 0.224f, 0.225f};
};

class Classify : public Task {
 public:
  Classify(Model& model, Normalization normalization, double smoothing)
      : model_(model), normalization_(std::move(normalization)), smoothing_(smoothing) {}

  Variable loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) override;

 private:
  Model& model_;
  Normalization normalization_;
  double smoothing_;
};

}  // namespace vicinity
