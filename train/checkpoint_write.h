// Writing checkpoints so that at every moment, power cuts and full disks included, a whole one is
// there.
#pragma once

#include <string>
#include <vector>

#include "core/base/file_system.h"
#include "models/parameter_store.h"
#include "train/checkpoint_state.h"

namespace vicinity {

/// The bytes of one file: a text, then tensors, which live on the CPU.
struct CheckpointFile {
  std::string name;
  std::string text;
  std::vector<Tensor> tensors;

  uint64_t bytes() const;
};
/// A file in the safetensors format.
CheckpointFile safetensors_file(const std::string& name, const std::vector<NamedTensor>& tensors);

struct Checkpoint {
  RunState state;
  std::vector<CheckpointFile> files;
  std::vector<std::string> records;  // paths that grow with the run: on the disk before state.json
  int keep = 1;                      // newest checkpoints to keep besides the best
};

/// Writes FOLDER/step_N. In this order: what a killed process left half-written goes; the disk is
/// asked for room; a folder of another name is made, every file written and synced, state.json with
/// their checksums last; then it is renamed, the links `last` and `best` are moved to it, and only
/// then is anything removed (settle). Calls no op and allocates no tensor, so that any thread may
/// do it. IoError names what the system refused; the checkpoints there were are as before.
void write_checkpoint(const std::string& folder, const Checkpoint& checkpoint,
                      FileSystem& system = system_files());

/// What follows once step_N of `state` is in place: moves `last` to it, and `best` to the best;
/// removes leftovers and the checkpoints that are neither this one, the best, nor among the newest
/// `keep` that were due (one that a signal asked for is superseded by the next).
void settle(const std::string& folder, const RunState& state, int keep,
            FileSystem& system = system_files());

/// A name in the folder that is not taken: `name`, `name`.2, ...
std::string free_name(const std::string& folder, const std::string& name);
/// "step_60" -> 60; -1 for other names.
int64_t step_of_name(const std::string& name);
std::string name_of_step(int64_t step);

}  // namespace vicinity
