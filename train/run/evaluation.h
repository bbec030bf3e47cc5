// Evaluations of a run: when they are due, what they say, which was the best.
#pragma once

#include <optional>

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/metrics/recorder.h"
#include "train/run/parts.h"

namespace vicinity {

/// Thrown out of an evaluation that a signal ends; the run that resumes repeats it.
struct EvaluationCut {
  int signal;
};

class Evaluation {
 public:
  /// All must outlive it. `state` holds the best so far and the last.
  Evaluation(RunParts& parts, Recorder& recorder, RunState& state);

  /// Whether one is due after `steps` steps: every train.eval_every epochs and at the end.
  bool due(int64_t steps) const;
  /// Whether the steps done so far have been evaluated.
  bool done() const { return state_.evaluated_step == parts_.steps_done(); }
  /// Whether the steps done so far end the run: train.patience evaluations, at their distance, came
  /// after the best one.
  bool out_of_patience() const;
  /// Evaluates on every validation image, logs, writes metrics, notes the best in the state: by the
  /// averaged weights where there are any, whose report it then is. EvaluationCut on a signal, in a
  /// run of one rank: many would have to agree on it.
  EvalReport run();

 private:
  int64_t interval() const;
  EvalReport evaluate_weights();
  void before_batch() const;
  std::optional<EvalReport> evaluate_average();
  bool note(const EvalReport& report);

  RunParts& parts_;
  Recorder& recorder_;
  RunState& state_;
  Loader loader_;
};

/// What train.best names, so that more is better: val_top1, val_top5 and val_balanced in percent,
/// val_loss negated (mean cross-entropy without smoothing).
double score_of(const std::string& metric, const EvalReport& report);

}  // namespace vicinity
