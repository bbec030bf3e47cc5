#include "train/cli/load_config.h"

#include <filesystem>

#include "core/config/config_dump.h"
#include "core/config/config_reader.h"
#include "models/weights/hf.h"
#include "train/checkpoint.h"

namespace vicinity {

ConfigTree run_config_tree(const std::vector<std::string>& configs,
                           const std::vector<std::string>& overrides) {
  ConfigTree tree;
  for (const std::string& config : configs) tree.add_file(find_config("", config));
  for (const std::string& text : overrides) tree.add_override(text);
  return tree;
}

RunConfig load_run_config(const std::vector<std::string>& configs,
                          const std::vector<std::string>& overrides) {
  RunConfig config;
  read_config(run_config_tree(configs, overrides), config);
  return config;
}

std::string dump_run_config(RunConfig config) { return dump_config(config); }

LoadedModel load_model_config(const std::string& path, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides) {
  LoadedModel loaded{{}, model_directory(path)};
  std::vector<std::string> files = configs;
  const std::string of_run = path + "/config.yaml";
  if (std::filesystem::exists(of_run)) files.insert(files.begin(), of_run);
  loaded.config = load_run_config(files, overrides);
  loaded.config.model.architecture = read_hf_config(loaded.directory);
  return loaded;
}

}  // namespace vicinity
