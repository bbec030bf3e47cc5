// From what was typed to a RunConfig.
#pragma once

#include <string>
#include <vector>

#include "core/config/config_tree.h"
#include "models/weights/describe.h"
#include "train/run_config.h"

namespace vicinity {

/// defaults < image processor of model.weights < model file < `configs` in their order <
/// `overrides`. ConfigError lists every problem at once, or says that model=NAME and a file
/// describe two models. Says where image settings come from.
RunConfig load_run_config(const std::vector<std::string>& configs,
                          const std::vector<std::string>& overrides);
/// The same on top of the config.yaml of a run, which has its model: another model=NAME changes
/// model.name, so that it is seen.
RunConfig load_resumed_config(const std::string& run_yaml, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides);
ConfigTree run_config_tree(const std::vector<std::string>& configs,
                           const std::vector<std::string>& overrides);
/// As YAML that reads back to the same configuration.
std::string dump_run_config(RunConfig config);

/// run_config_tree of a resumed run, whose values have the origins that its config.yaml tells.
ConfigTree resumed_config_tree(const std::string& run_yaml, const std::vector<std::string>& configs,
                               const std::vector<std::string>& overrides);

/// The same, and where model.weights is set the architecture of those weights: explicit model.*
/// keys override what can be adapted (kernel, positions, channels, blocks) and are refused, with
/// both values, where they contradict the weights.
RunConfig load_training_config(const std::vector<std::string>& configs,
                               const std::vector<std::string>& overrides);

/// What `train` would run with: the architecture of model.weights where it is there, and the tree
/// with the origin of every value.
struct ResolvedConfig {
  ConfigTree tree;
  RunConfig config;
};
ResolvedConfig resolve_config(const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides);

/// The configuration of a finished run and where its model lies; for a bare model defaults, with
/// its architecture, and the images as the preprocessor_config.json beside it has them.
struct LoadedModel {
  RunConfig config;
  std::string directory;  // or a weight file
  DescribedModel described;
};
LoadedModel load_model_config(const std::string& path, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides);
/// Whether the weights, or model.head, bring a classifier.
bool has_classifier(const LoadedModel& loaded);
/// DataError where they do not: what the model is, and the verbs that take it.
void check_has_classifier(const LoadedModel& loaded);

}  // namespace vicinity
