// What varies between training jobs, and nothing else does.
#pragma once

#include "autograd/variable.h"
#include "models/pass.h"
#include "train/batch.h"
#include "train/schedule.h"

namespace vicinity {

/// Sums over the images of a batch, added leaf by leaf in order.
struct LossSums {
  double loss = 0;
  int64_t correct = 0;
  int64_t count = 0;
};

class Task {
 public:
  virtual ~Task() = default;
  /// The leaf's share of the mean loss of its batch, [1], and its part of the sums.
  virtual Variable loss(const LeafBatch& leaf, Pass& pass, LossSums& sums) = 0;
  /// After the optimiser's step. Classification does nothing here.
  virtual void after_step(const Knobs&) {}
};

}  // namespace vicinity
