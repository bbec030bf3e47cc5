// From what was typed to a RunConfig.
#pragma once

#include <string>
#include <vector>

#include "core/config/config_tree.h"
#include "train/run_config.h"

namespace vicinity {

/// defaults < image processor of model.weights < model file < `configs` in their order <
/// `overrides`. ConfigError lists every problem at once. Says where image settings come from.
RunConfig load_run_config(const std::vector<std::string>& configs,
                          const std::vector<std::string>& overrides);
ConfigTree run_config_tree(const std::vector<std::string>& configs,
                           const std::vector<std::string>& overrides);
/// As YAML that reads back to the same configuration.
std::string dump_run_config(RunConfig config);

/// The configuration of a finished run and the directory of its model; for a bare model directory,
/// defaults, with the images as its preprocessor_config.json has them.
struct LoadedModel {
  RunConfig config;
  std::string directory;
};
LoadedModel load_model_config(const std::string& path, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides);

}  // namespace vicinity
