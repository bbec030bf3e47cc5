// What a run does about a step whose loss or gradient is not finite (train.on_nan).
#pragma once

#include "train/run/batches.h"
#include "train/run/parts.h"
#include "train/run/run_directory.h"
#include "train/run/saving.h"

namespace vicinity {

class Divergence {
 public:
  /// All must outlive it. `state` counts the steps that were left out.
  Divergence(RunParts& parts, const RunDirectory& directory, RunState& state, Saving& saving)
      : parts_(parts), directory_(directory), state_(state), saving_(saving) {}

  /// The optimiser has refused the step after steps_done(), `error` says why. Finds and says where
  /// it went wrong, and writes nan_step_N/ with the batch: batch.safetensors (the pixels as
  /// training saw them, and labels), sheet.png and step.json (names, classes, losses). Then with
  ///   stop      throws the error, with what was found;
  ///   skip      leaves this update out: the next step is the one after it;
  ///   rollback  also puts back weights and moments of the last checkpoint that was due.
  /// More than train.nan_limit in a row (rollback: since that checkpoint) stop in any case.
  /// Returns the report of the step, whose loss is NaN.
  StepReport handle(const TrainBatch& batch, DivergedError error);

 private:
  std::string explain(const TrainBatch& batch, const std::string& what);
  bool leave_out();

  RunParts& parts_;
  const RunDirectory& directory_;
  RunState& state_;
  Saving& saving_;
};

}  // namespace vicinity
