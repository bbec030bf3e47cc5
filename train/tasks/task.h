// What varies between training jobs, and nothing else does.
#pragma once

#include "autograd/variable.h"
#include "models/pass.h"
#include "train/batch.h"
#include "train/schedule.h"

namespace vicinity {

/// What a leaf leaves on the device to be counted once the step is done.
struct LeafOutcome {
  Tensor losses;  // [B], f32 or f64
  Tensor ranks;   // i32 [B], of the label among the logits, of mixed images the heavier: 0 is right
};

class Task {
 public:
  virtual ~Task() = default;
  /// The leaf's share of the mean loss of its batch, [1]. Waits for nothing.
  virtual Variable loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) = 0;
  /// After the optimiser's step. Classification does nothing here.
  virtual void after_step(const Knobs&) {}
};

}  // namespace vicinity
