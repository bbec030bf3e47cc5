// Where a step went wrong. A step is a function of the weights, the batch and its number, so that
// it can be run again and looked at closely.
#pragma once

#include <string>
#include <vector>

#include "train/run/batches.h"
#include "train/run/parts.h"

namespace vicinity {

struct ReplayFinding {
  /// The first tensor that is not finite, with its op, the parameter that is near, its shape and
  /// how many elements; or that every tensor is finite this time.
  std::string text;
  std::vector<double> losses;  // of the images of the batch
};

/// Runs the next step again, without its update: the parameters, every op's output in the order of
/// the forward pass, then every gradient in the order of the backward pass are looked at, up to the
/// first that is not finite; of many ranks each looks at its own leaves, all of them call this, and
/// what the first of them found is given to all. Costs about two steps, and a copy to the host of
/// every tensor.
ReplayFinding replay_step(RunParts& parts, const TrainBatch& batch);

}  // namespace vicinity
