// A training step on the plan device: what it costs, without computing anything.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/runtime/plan.h"
#include "train/run_config.h"

namespace vicinity {

struct StepOnPaper {
  int64_t parameters = 0;
  double forward_flops = 0;  // of one image
  double step_flops = 0;
  size_t step_bytes = 0;  // peak of tensors: weights, gradients and optimiser included
  /// Memory that tensors touch on a CPU, gaps and the next batch included: by steps; by steps and
  /// the copies that a checkpoint is written from after them; by a step while it is written.
  size_t extent = 0, extent_saved = 0, extent_saving = 0;
  int64_t optimiser_numbers = 0;                         // elements of its state
  std::vector<std::pair<std::string, double>> op_flops;  // of forward, by op
  std::map<std::string, Plan::Entry> ops;                // of the step
};

/// One step of train.batch images in leaves of `leaf`.
StepOnPaper plan_step(const RunConfig& config, int64_t leaf);

/// The largest train.micro_batch up to train.batch whose steps touch at most `bytes` (their
/// extent); 0 if none does.
int64_t largest_micro_batch(const RunConfig& config, size_t bytes);

}  // namespace vicinity
