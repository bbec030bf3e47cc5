#include "train/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <vector>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "models/weights/load.h"
#include "models/weights/locate.h"
#include "models/weights/safetensors.h"
#include "train/checkpoint_write.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDamaged = "damaged.";

// A folder that is a checkpoint, or was to become one.
struct Candidate {
  std::string name;
  std::optional<StateFile> file;  // absent: state.json is damaged
  std::string problem;
  int64_t step = -1;
};

Candidate candidate_of(const std::string& folder, const std::string& name) {
  Candidate candidate{name, std::nullopt, "", step_of_name(name)};
  try {
    candidate.file = read_state(folder + "/" + name);
    candidate.step = candidate.file->state.step;
  } catch (const Error& error) {
    candidate.problem = error.message();
  }
  return candidate;
}

// Newest first; of two of a step that which has its name.
std::vector<Candidate> candidates(const std::string& folder) {
  std::vector<Candidate> all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool may_be = step_of_name(name) >= 0 || starts_with(name, "tmp.");
    if (!may_be || entry.is_symlink() || !entry.is_directory()) continue;
    Candidate candidate = candidate_of(folder, name);
    // Half-written: a temporary name without a state, which is written last.
    if (candidate.file || step_of_name(name) >= 0) all.push_back(std::move(candidate));
  }
  std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(b.step, step_of_name(b.name), b.name) <
           std::tuple(a.step, step_of_name(a.name), a.name);
  });
  return all;
}

bool is_whole(const std::string& folder, Candidate& candidate) {
  if (!candidate.file) return false;
  try {
    check_files(folder + "/" + candidate.name, *candidate.file);
    return true;
  } catch (const Error& error) {
    candidate.problem = error.message();
    return false;
  }
}

void set_aside(const std::string& folder, const Candidate& candidate, FileSystem& system) {
  const std::string aside = free_name(folder, kDamaged + name_of_step(candidate.step));
  log_warning("checkpoint ", folder, "/", candidate.name, " cannot be used: ", candidate.problem,
              ". It is set aside as ", aside, "; the one before it is used");
  rename_durably(folder + "/" + candidate.name, folder + "/" + aside, system);
}

std::string with_its_name(const std::string& folder, const Candidate& candidate,
                          FileSystem& system) {
  const std::string path = folder + "/" + name_of_step(candidate.step);
  if (step_of_name(candidate.name) < 0) rename_durably(folder + "/" + candidate.name, path, system);
  return path;
}

}  // namespace

std::optional<FoundCheckpoint> newest_checkpoint(const std::string& folder,
                                                 const std::function<bool(const RunState&)>& wanted,
                                                 FileSystem& system) {
  if (!fs::is_directory(folder)) return std::nullopt;
  int damaged = 0;
  for (Candidate& candidate : candidates(folder)) {
    if (candidate.file && !wanted(candidate.file->state)) continue;
    if (is_whole(folder, candidate))
      return FoundCheckpoint{with_its_name(folder, candidate, system), candidate.file->state};
    set_aside(folder, candidate, system);
    ++damaged;
  }
  VIC_CHECK(DataError, damaged == 0, "no checkpoint in '", folder,
            "' is whole; start anew with --overwrite");
  return std::nullopt;
}

void load_checkpoint(const std::string& path, Model& model,
                     const std::map<std::string, Tensor>& flat) {
  load_exact(model, path + "/model.safetensors");
  const SafetensorsFile file(path + "/optimizer.safetensors");
  for (const auto& [kind, tensor] : flat) {
    Tensor target = tensor;
    for (const Published& entry : model.store().published())
      model.store().adopt(target, entry, file.read(kind + "/" + entry.name));
  }
}

std::string model_location(const std::string& path) {
  VIC_CHECK(DataError, fs::exists(path), no_weights_text(path));
  if (!fs::is_directory(path)) return path;
  for (const char* inner : {"", "/checkpoints/best", "/checkpoints/last"}) {
    for (const char* name : {"/config.json", "/model.safetensors", "/pytorch_model.bin"})
      if (fs::exists(path + inner + name)) return path + inner;
  }
  VIC_FAIL(DataError, "no model in '", path,
           "': looked for config.json, model.safetensors and pytorch_model.bin there, in "
           "checkpoints/best and checkpoints/last");
}

}  // namespace vicinity
