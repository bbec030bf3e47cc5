// The loop around a step: batches in, log lines, evaluations and checkpoints out. Nothing flows
// back into the step.
#pragma once

#include <optional>

#include "train/run/batches.h"
#include "train/run/evaluation.h"
#include "train/run/progress.h"
#include "train/run/run_directory.h"
#include "train/run/saving.h"

namespace vicinity {

struct RunResult {
  int64_t steps = 0;
  double top1 = 0;       // percent, at the end
  double best_top1 = 0;  // percent
  int signal = 0;        // SIGINT or SIGTERM that ended the run after a checkpoint, or 0
};

class Run {
 public:
  /// Opens the data, builds the model and restores the last checkpoint where `resume` says so.
  Run(RunConfig config, const RunDirectory& directory, bool resume);

  RunResult train();
  const Model& model() const { return *parts_.model; }

 private:
  void step();
  StepReport step_on(const TrainBatch& batch);
  void evaluate();
  RunResult finish(int signal);

  const RunDirectory& directory_;
  RunParts parts_;
  RunState state_;
  std::optional<MetricsFile> metrics_;
  std::optional<Batches> batches_;
  std::optional<Progress> progress_;
  std::optional<Evaluation> evaluation_;
  std::optional<Saving> saving_;
};

}  // namespace vicinity
