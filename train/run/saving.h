// Checkpoints of a run: when they are due, what they hold, and writing them beside the training.
#pragma once

#include <string>

#include "train/checkpoint.h"
#include "train/checkpoint_write.h"
#include "train/run/background.h"
#include "train/run/parts.h"
#include "train/run/run_directory.h"

namespace vicinity {

class Saving {
 public:
  /// Both must outlive it. `state` is what a checkpoint says of the run, but for the step.
  Saving(RunParts& parts, const RunDirectory& directory, RunState& state);

  /// The newest whole checkpoint, where there is one.
  std::optional<FoundCheckpoint> find() const;
  /// Restores it into the parts, once they are built, and the state. DataError or ConfigError where
  /// the run was started with other images or activations.
  void restore(const FoundCheckpoint& found);
  /// Restores weights and moments of the newest checkpoint that was due, and nothing else; the
  /// step that it is of. Absent if there is none.
  std::optional<int64_t> roll_back();

  /// Whether train.save_every asks for a checkpoint after `steps` steps.
  bool due(int64_t steps) const;
  /// Whether the steps done so far have been saved, or are being saved.
  bool done() const { return saved_at_ == parts_.steps_done(); }
  /// Copies what a checkpoint holds and begins to write it. `records`: files that must be on the
  /// disk before it is. `scheduled`: because it is due.
  void save(const std::vector<std::string>& records, bool scheduled);
  /// Throws what went wrong with a checkpoint that was begun.
  void poll() { background_.poll(); }
  /// Waits until what was begun is on the disk.
  void wait();
  /// Seconds that the training has waited for checkpoints, and their number.
  double waited() const { return waited_; }
  int64_t count() const { return count_; }

 private:
  std::optional<FoundCheckpoint> find_newest(
      const std::function<bool(const RunState&)>& wanted) const;
  Checkpoint snapshot(const std::vector<std::string>& records) const;
  std::vector<NamedTensor> moments() const;
  void load(const FoundCheckpoint& found);
  void load_on_ranks(const FoundCheckpoint& found);

  RunParts& parts_;
  RunState& state_;
  std::string folder_;
  int64_t saved_at_ = -1, count_ = 0;
  double waited_ = 0;
  Background background_;
};

}  // namespace vicinity
