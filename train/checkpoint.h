// Checkpoints of a run, read back. DIR/checkpoints/step_N holds a Hugging Face directory
// (config.json, model.safetensors, preprocessor_config.json) plus what resuming needs:
// optimizer.safetensors under the same published names, and state.json.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/base/file_system.h"
#include "models/model.h"
#include "train/checkpoint_state.h"

namespace vicinity {

struct FoundCheckpoint {
  std::string path;
  RunState state;
};

/// The newest whole checkpoint that `wanted` accepts, by state.json and every checksum. A damaged
/// one that is met on the way is said and set aside as damaged.step_N, not removed. One whose
/// renaming was cut short gets its name. Absent where no checkpoint was ever written; DataError
/// where none is whole.
std::optional<FoundCheckpoint> newest_checkpoint(const std::string& folder,
                                                 const std::function<bool(const RunState&)>& wanted,
                                                 FileSystem& system = system_files());

/// Reads the weights and the flat tensors `flat` (moments, by name) of a whole checkpoint.
void load_checkpoint(const std::string& path, Model& model,
                     const std::map<std::string, Tensor>& flat);

/// The weights that `path` means: itself, a weight file or a folder that holds a model; of a run
/// directory the best (else the last) checkpoint. DataError says what was looked for, and for names
/// of published models how to get them.
std::string model_location(const std::string& path);

}  // namespace vicinity
