// The loop around a step: batches in, log lines, evaluations and checkpoints out. Nothing flows
// back into the step.
#pragma once

#include <optional>

#include "train/probe/floor.h"
#include "train/run/batches.h"
#include "train/run/divergence.h"
#include "train/run/evaluation.h"
#include "train/run/progress.h"
#include "train/run/run_directory.h"
#include "train/run/saving.h"

namespace vicinity {

struct RunResult {
  int64_t steps = 0;
  double top1 = 0;       // percent, at the end
  double best_top1 = 0;  // percent
  int signal = 0;        // SIGINT, SIGTERM or SIGUSR1 that ended the run after a checkpoint, or 0

  /// "top-1 90.52 %  best 91.00 %".
  std::string text() const;
};

class Run {
 public:
  /// Opens the data, builds the model and restores the newest whole checkpoint where `resume` says
  /// so; where none was written yet, a resumed run begins at its first step.
  /// `comm`: of many ranks, each of which makes a run; or absent.
  Run(RunConfig config, const RunDirectory& directory, bool resume, Communicator* comm = nullptr);

  RunResult train();
  const Model& model() const { return *parts_.model; }
  /// To change before train().
  RunParts& parts() { return parts_; }

 private:
  void step();
  StepReport step_on(const TrainBatch& batch);
  EvalReport evaluated();
  void evaluate();
  void save(bool scheduled = true);
  RunResult train_to_the_end();
  RunResult finish();
  RunResult leave(int signal);

  const RunDirectory& directory_;
  RunParts parts_;
  RunState state_;
  Saving saving_;
  std::optional<Floor> floor_;
  Divergence divergence_;
  std::optional<Recorder> recorder_;
  std::optional<Batches> batches_;
  std::optional<Progress> progress_;
  std::optional<Evaluation> evaluation_;
};

}  // namespace vicinity
