// Supervised classification: one label an image, cross-entropy with label smoothing.
#pragma once

#include "data/transforms/pipeline.h"
#include "models/model.h"
#include "train/tasks/task.h"

namespace vicinity {

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
