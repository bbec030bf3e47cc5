#include "train/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/log.h"
#include "data/transforms/processor.h"
#include "models/weights/load.h"
#include "models/weights/locate.h"
#include "models/weights/safetensors.h"
#include "models/weights/save.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "step_";

std::string state_text(const RunState& state) {
  return nlohmann::json{{"step", state.step},
                        {"seed", state.seed},
                        {"best_top1", state.best_top1},
                        {"best_step", state.best_step},
                        {"top1", state.top1},
                        {"evaluated_step", state.evaluated_step},
                        {"data_fingerprint", state.data_fingerprint}}
             .dump(2) +
         "\n";
}

RunState state_of(const std::string& path) {
  try {
    const auto json = nlohmann::json::parse(read_file(path));
    return {json.at("step"),
            json.at("seed"),
            json.at("best_top1"),
            json.at("best_step"),
            json.at("top1"),
            json.at("evaluated_step"),
            json.at("data_fingerprint")};
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "the checkpoint state '", path, "' is damaged: ", error.what(),
             "; remove that checkpoint, the one before it will be used");
  }
}

std::vector<NamedTensor> state_tensors(const Model& model, const Optimizer& optimizer) {
  std::vector<NamedTensor> all;
  for (const auto& [kind, flat] : optimizer.state()) {
    for (NamedTensor& tensor : model.store().publish(flat))
      all.push_back({kind + "/" + tensor.name, tensor.tensor});
  }
  return all;
}

}  // namespace

void Checkpoints::save(const Model& model, const Optimizer& optimizer,
                       const TransformConfig& transform, const RunState& state, int keep) const {
  make_directories(folder_);
  const std::string name = kPrefix + std::to_string(state.step);
  const fs::path temporary = fs::path(folder_) / ("tmp." + name), final = fs::path(folder_) / name;
  fs::remove_all(temporary);
  fs::create_directory(temporary);
  save_hf(model, temporary.string());
  write_processor(transform, temporary.string());
  write_safetensors((temporary / "optimizer.safetensors").string(),
                    state_tensors(model, optimizer));
  write_file_atomically((temporary / "state.json").string(), state_text(state));
  fs::remove_all(final);
  rename_durably(temporary.string(), final.string());
  point("last", name);
  if (state.best_step == state.step) point("best", name);
  const std::vector<int64_t> all = steps();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    if (all[i] != state.best_step)
      fs::remove_all(fs::path(folder_) / (kPrefix + std::to_string(all[i])));
  }
}

// A link is made beside the old one and renamed over it, so that there is always one.
void Checkpoints::point(const std::string& link, const std::string& target) const {
  const fs::path temporary = fs::path(folder_) / ("tmp." + link);
  fs::remove(temporary);
  fs::create_symlink(target, temporary);
  rename_durably(temporary.string(), (fs::path(folder_) / link).string());
}

std::vector<int64_t> Checkpoints::steps() const {
  std::vector<int64_t> found;
  if (!fs::is_directory(folder_)) return found;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) == 0 && fs::exists(entry.path() / "state.json")) {
      found.push_back(std::stoll(name.substr(std::string(kPrefix).size())));
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool Checkpoints::any() const { return !steps().empty(); }

RunState Checkpoints::load_last(Model& model, Optimizer& optimizer) const {
  const std::vector<int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    const std::string folder = (fs::path(folder_) / (kPrefix + std::to_string(*step))).string();
    try {
      const RunState state = state_of(folder + "/state.json");
      load_exact(model, folder + "/model.safetensors");
      const SafetensorsFile file(folder + "/optimizer.safetensors");
      for (auto& [kind, flat] : optimizer.state()) {
        Tensor target = flat;
        for (const Published& entry : model.store().published()) {
          model.store().adopt(target, entry, file.read(kind + "/" + entry.name));
        }
      }
      return state;
    } catch (const Error& error) {
      log_warning("checkpoint ", folder, " cannot be used: ", error.message(),
                  "; trying the one before it");
    }
  }
  VIC_FAIL(DataError, "no usable checkpoint in '", folder_, "'; start anew with --overwrite");
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
