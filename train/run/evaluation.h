// Evaluations of a run: when they are due, what they say, which was the best.
#pragma once

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/metrics_file.h"
#include "train/run/parts.h"

namespace vicinity {

class Evaluation {
 public:
  /// All must outlive it. `state` holds the best so far and the last.
  Evaluation(RunParts& parts, MetricsFile& metrics, RunState& state);

  /// Whether one is due after `steps` steps: every train.eval_every epochs and at the end.
  bool due(int64_t steps) const;
  /// Whether the steps done so far have been evaluated.
  bool done() const { return state_.evaluated_step == parts_.steps_done(); }
  /// Evaluates on every validation image, logs, writes metrics, notes the best in the state.
  void run();

 private:
  RunParts& parts_;
  MetricsFile& metrics_;
  RunState& state_;
  Loader loader_;
};

}  // namespace vicinity
