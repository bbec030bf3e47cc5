// vicinity inspect: what a model, a checkpoint, a weight file or a data set holds, without running
// it.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "train/cli/inspect_weights.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/run/level_costs.h"
#include "train/run/step_on_paper.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

void print_levels(const RunConfig& config, const std::vector<LevelCost>& costs) {
  const ModelConfig& m = config.model.architecture;
  for (size_t i = 0; i < costs.size(); ++i) {
    const int level = static_cast<int>(i);
    std::string dilations;
    for (const int d : m.dinat.dilations[i])
      dilations += (dilations.empty() ? "" : ",") + std::to_string(d);
    const int64_t map = map_size(config.data.transform.image_size, level);
    std::cout << "  level " << level << "   " << map << " x " << map << " tokens, "
              << m.dinat.width(level) << " channels, " << m.dinat.num_heads[i] << " heads, kernel "
              << m.dinat.kernel_size << ", dilations " << dilations << "\n            "
              << format_count(costs[i].parameters) << " params, "
              << format_fixed(costs[i].flops / 1e9, 3) << " GFLOP forward, "
              << format_bytes(static_cast<double>(costs[i].kept_bytes))
              << " kept for backward, an image\n";
  }
}

nlohmann::ordered_json levels_json(const std::vector<LevelCost>& costs) {
  auto levels = nlohmann::ordered_json::array();
  for (const LevelCost& cost : costs)
    levels.push_back({{"parameters", cost.parameters},
                      {"forward_flops_per_image", cost.flops},
                      {"kept_bytes_per_image", cost.kept_bytes}});
  return levels;
}

int inspect_model(const RunConfig& config, const std::string& where, bool classifier, bool json) {
  const int64_t leaf = std::min(config.train.micro_batch, config.train.batch);
  const StepOnPaper step = plan_step(config, leaf);
  const std::vector<LevelCost> levels = level_costs(config);
  if (json) {
    std::cout << nlohmann::ordered_json{{"model", config.model.architecture.title()},
                                        {"parameters", step.parameters},
                                        {"forward_flops_per_image", step.forward_flops},
                                        {"step_memory_bytes", step.step_bytes},
                                        {"batch", config.train.batch},
                                        {"micro_batch", leaf},
                                        {"levels", levels_json(levels)}}
                     .dump()
              << "\n";
    return 0;
  }
  const int side = config.data.transform.image_size;
  std::cout << (where.empty() ? config.model.architecture.title() : where) << "\n  family    "
            << config.model.architecture.family << "\n  classes   "
            << (classifier ? "" : "none: a backbone, here with a new classifier of ")
            << config.model.architecture.labels.size() << "\n  params    "
            << format_count(step.parameters) << "\n  forward   "
            << format_fixed(step.forward_flops / 1e9, 3) << " GFLOP an image at " << side << " x "
            << side << "\n  memory    " << format_bytes(static_cast<double>(step.step_bytes))
            << " for a training step of " << config.train.batch << " images, " << leaf
            << " at a time (tensors; weights, gradients and optimiser included)\n";
  print_levels(config, levels);
  for (const auto& [op, flops] : step.op_flops) {
    if (flops > 0.01 * step.forward_flops) {
      std::cout << "  " << format_fixed(100 * flops / step.forward_flops, 1) << " %  " << op
                << "\n";
    }
  }
  return 0;
}

int inspect_data(const RunConfig& config) {
  const DataSets data = open_data(config.data.source, config.seed, FileCheck::decode);
  const auto& names = data.train->class_names();
  std::vector<int64_t> train(names.size()), val(names.size());
  for (int64_t i = 0; i < data.train->size(); ++i)
    ++train[static_cast<size_t>(data.train->label(i))];
  for (int64_t i = 0; i < data.val->size(); ++i) ++val[static_cast<size_t>(data.val->label(i))];
  std::cout << format_count(data.train->size()) << " training and "
            << format_count(data.val->size()) << " validation images, " << names.size()
            << " classes, fingerprint " << data.train->fingerprint() << "\n";
  for (size_t i = 0; i < names.size(); ++i)
    std::cout << "  " << train[i] << "  " << val[i] << "  " << names[i] << "\n";
  return 0;
}

}  // namespace

int inspect_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() <= 1,
            "vicinity inspect takes one path, or model=NAME, or data.root=PATH");
  const bool json = arguments.has("--json");
  if (arguments.positional.empty()) {
    RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
    const ConfigTree tree = run_config_tree(arguments.all("--config"), arguments.overrides);
    if (tree.find("model.family") == nullptr && !config.data.source.root.empty())
      return inspect_data(config);
    config.model.architecture.labels.resize(1000, "class");
    return inspect_model(config, "", true, json);
  }
  const std::string& path = arguments.positional[0];
  if (fs::is_regular_file(path) && ends_with(path, ".h5"))
    return inspect_data(load_run_config({}, {"data.root=" + path}));
  if (fs::is_regular_file(path)) return inspect_weights(path, json);
  const LoadedModel loaded =
      load_model_config(path, arguments.all("--config"), arguments.overrides);
  return inspect_model(loaded.config, loaded.directory, has_classifier(loaded), json);
}

}  // namespace vicinity
