// Checkpoints of a run: when they are due and what they hold.
#pragma once

#include "train/checkpoint.h"
#include "train/run/parts.h"
#include "train/run/run_directory.h"

namespace vicinity {

class Saving {
 public:
  /// All must outlive it.
  Saving(RunParts& parts, const RunDirectory& directory, RunState& state)
      : parts_(parts), state_(state), checkpoints_(directory.path()) {}

  /// Restores the last checkpoint into the parts and the state.
  void restore();
  /// Whether train.save_every asks for a checkpoint after `steps` steps.
  bool due(int64_t steps) const;
  /// Whether the steps done so far have been saved.
  bool done() const { return saved_at_ == parts_.steps_done(); }
  void save();

 private:
  RunParts& parts_;
  RunState& state_;
  Checkpoints checkpoints_;
  int64_t saved_at_ = -1;
};

}  // namespace vicinity
