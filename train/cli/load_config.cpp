#include "train/cli/load_config.h"

#include <filesystem>

#include "core/base/log.h"
#include "core/config/config_dump.h"
#include "core/config/config_reader.h"
#include "models/weights/hf.h"
#include "train/checkpoint.h"
#include "train/cli/processor_defaults.h"

namespace vicinity {

namespace {

ConfigTree typed_tree(const std::vector<std::string>& configs,
                      const std::vector<std::string>& overrides) {
  ConfigTree tree;
  for (const std::string& config : configs) tree.add_file(find_config("", config));
  for (const std::string& text : overrides) tree.add_override(text);
  return tree;
}

RunConfig config_of(const ConfigTree& tree) {
  RunConfig config;
  read_config(tree, config);
  return config;
}

// The image settings of model.weights, and a line for the log.
std::string add_weights_processor(ConfigTree& tree) {
  const std::string weights = config_of(tree).model.weights;
  if (weights.empty() || !std::filesystem::exists(weights)) return "";  // loading them will tell
  return add_processor(tree,
                       std::filesystem::is_directory(weights) ? model_directory(weights) : weights);
}

void log_if_any(const std::string& line) {
  if (!line.empty()) log_info(line);
}

}  // namespace

ConfigTree run_config_tree(const std::vector<std::string>& configs,
                           const std::vector<std::string>& overrides) {
  ConfigTree tree = typed_tree(configs, overrides);
  add_weights_processor(tree);
  return tree;
}

RunConfig load_run_config(const std::vector<std::string>& configs,
                          const std::vector<std::string>& overrides) {
  ConfigTree tree = typed_tree(configs, overrides);
  const std::string images = add_weights_processor(tree);
  RunConfig config = config_of(tree);
  log_if_any(images);
  return config;
}

std::string dump_run_config(RunConfig config) { return dump_config(config); }

LoadedModel load_model_config(const std::string& path, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides) {
  LoadedModel loaded{{}, model_directory(path)};
  std::vector<std::string> files = configs;
  const std::string of_run = path + "/config.yaml";
  const bool run = std::filesystem::exists(of_run);
  if (run) files.insert(files.begin(), of_run);
  ConfigTree tree = typed_tree(files, overrides);
  const std::string images = run ? "" : add_processor(tree, loaded.directory);
  loaded.config = config_of(tree);
  log_if_any(images);
  loaded.config.model.architecture = read_hf_config(loaded.directory);
  return loaded;
}

}  // namespace vicinity
