// Checkpoints: whole or absent. DIR/checkpoints/step_N holds a Hugging Face directory (config.json,
// model.safetensors, preprocessor_config.json) plus what resuming needs: optimizer.safetensors
// under the same published names, and state.json.
#pragma once

#include <string>
#include <vector>

#include "data/transforms/pipeline.h"
#include "models/model.h"
#include "train/optim/optimizer.h"

namespace vicinity {

/// Where a run stands. Randomness and the order of samples are functions of (seed, step), so this
/// is all of it.
struct RunState {
  int64_t step = 0;
  uint64_t seed = 0;
  double best_top1 = -1;  // percent; -1: not evaluated yet
  int64_t best_step = 0;
  double top1 = 0;  // percent, of the last evaluation
  int64_t evaluated_step = -1;
  std::string data_fingerprint;
};

class Checkpoints {
 public:
  explicit Checkpoints(std::string run_directory)
      : folder_(std::move(run_directory) + "/checkpoints") {}

  /// Writes step_N under a temporary name, syncs, renames, then moves `last` (and `best`, where the
  /// state says so) to it, then removes what is neither among the newest `keep` nor the best.
  /// `transform` is written as preprocessor_config.json.
  void save(const Model& model, const Optimizer& optimizer, const TransformConfig& transform,
            const RunState& state, int keep) const;
  /// Restores the newest whole checkpoint into the model and the optimiser. DataError names a
  /// damaged one.
  RunState load_last(Model& model, Optimizer& optimizer) const;
  bool any() const;

 private:
  std::vector<int64_t> steps() const;
  void point(const std::string& link, const std::string& target) const;

  std::string folder_;
};

/// The weights that `path` means: itself, a weight file or a folder that holds a model; of a run
/// directory the best (else the last) checkpoint. DataError says what was looked for, and for names
/// of published models how to get them.
std::string model_location(const std::string& path);

}  // namespace vicinity
