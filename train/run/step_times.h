// A few real steps of a run, timed.
#pragma once

#include "train/run/parts.h"

namespace vicinity {

struct StepTimes {
  int64_t steps = 0;
  double step_seconds = 0;  // median, with the wait for images
  double wait_share = 0;    // of them, spent waiting
};

/// Builds the run and trains it for `steps` steps after two to warm up, with a learning rate of
/// zero: on `data`, or on random pictures in memory where that is absent. Writes nothing.
StepTimes time_steps(RunConfig config, DataSets data, int64_t steps);

}  // namespace vicinity
