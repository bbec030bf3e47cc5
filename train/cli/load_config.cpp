#include "train/cli/load_config.h"

#include <filesystem>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/config/config_dump.h"
#include "core/config/config_reader.h"
#include "core/config/field_text.h"
#include "data/transforms/multi_crop.h"
#include "models/weights/linear_head.h"
#include "train/checkpoint.h"
#include "train/cli/processor_defaults.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

ConfigTree typed_tree(const std::vector<std::string>& configs,
                      const std::vector<std::string>& overrides) {
  ConfigTree tree;
  for (const std::string& config : configs) tree.add_file(find_config("", config));
  for (const std::string& text : overrides) tree.add_override(text);
  return tree;
}

// Keys of files win over those of model=NAME: of a file that describes all of a model nothing of
// NAME would be left, in silence.
void check_one_model(const ConfigTree& tree) {
  const std::string& name = tree.model_name();
  const ConfigEntry* family = tree.find("model.family");
  if (name.empty() || family == nullptr || family->origin == "command line") return;
  VIC_CHECK(ConfigError, starts_with(family->origin, find_config("models", name) + ":"),
            "model=", name, " would change nothing: ", family->origin,
            " describes another model, and keys of a file win; leave one of the two out");
}

// Where a run's images are given anew, as data.root or as a pair, the way they were given before
// no longer counts.
void replace_images(const ConfigTree& typed, ConfigTree& of_run) {
  const auto is_typed = [&](const char* key) { return typed.find(key) != nullptr; };
  const bool root = is_typed("data.root"), pair = is_typed("data.train") || is_typed("data.val");
  const auto clear = [&](const char* key) { of_run.add({key, "\"\"", "images given anew"}); };
  if (pair && !root) clear("data.root");
  if (root && !pair) {
    clear("data.train");
    clear("data.val");
  }
}

RunConfig config_of(const ConfigTree& tree) {
  RunConfig config;
  read_config(tree, config);
  fit_channels(config);
  return config;
}

// "model.depths = [1] (command line)"
std::string shown(const ConfigTree& tree, const std::string& key, const std::string& otherwise) {
  const ConfigEntry* entry = tree.find(key);
  return entry == nullptr ? str(key, " = ", otherwise)
                          : str(key, " = ", entry->text, " (", entry->origin, ")");
}

std::vector<std::string> placeholder_labels(int64_t count) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(str("LABEL_", i));
  return labels;
}

// What no tensor of a bare file tells is not taken in silence.
void tell_guesses(const DescribedModel& model, const ConfigTree& tree) {
  const bool heads = model.config.family == "dinov2" && model.missing.empty() &&
                     tree.find("model.num_attention_heads") == nullptr;
  if (!model.from_shapes) return;
  log_info("no config.json beside '", model.path, "': the architecture is what its shapes tell",
           heads ? str(", with heads of 64 as published DINOv2s have: model.num_attention_heads = ",
                       model.config.dinov2.num_attention_heads)
                 : "");
}

// The architecture of the weights at `path`, then the keys of `tree` on top.
DescribedModel take_architecture(RunConfig& config, const ConfigTree& tree,
                                 const std::string& path) {
  DescribedModel model = describe_model(path);
  const ConfigEntry* family = tree.find("model.family");
  VIC_CHECK(ConfigError, family == nullptr || family->text == model.config.family,
            shown(tree, "model.family", ""), ", but '", model.path, "' holds a ",
            model.config.family);
  for (const std::string& field : model.missing) {
    VIC_CHECK(ConfigError, tree.find("model." + field) != nullptr, "'", model.path,
              "' does not tell model.", field,
              ", and there is no config.json beside it: add model.", field,
              "=... or model=NAME, the ", "published model that it is");
  }
  tell_guesses(model, tree);
  config.model.architecture = model.config;
  read_config(tree, config);
  ModelConfig& result = config.model.architecture;
  for (const Contradiction& c : contradictions(result, model.inferred)) {
    VIC_CHECK(ConfigError, is_adaptable(c), shown(tree, "model." + c.field, c.config_value),
              ", but the weights in '", model.path, "' have ", c.file_value, ": ", c.tensor,
              " shows it. Leave the key out to take what the weights have");
  }
  if (!config.model.head.empty() && !model.has_classifier)
    result.labels = placeholder_labels(read_linear_head(config.model.head).weight.dim(0));
  fit_channels(config);
  return model;
}

// model.weights; "" where it is not set.
std::string weights_of(const ConfigTree& tree) {
  const ConfigEntry* entry = tree.find("model.weights");
  std::string path;
  if (entry == nullptr) return path;
  const std::string expected = assign({entry->key, &path, "", {}}, entry->text);
  VIC_CHECK(ConfigError, expected.empty(), entry->origin, ": ", entry->key, " = ", entry->text,
            ": ", expected);
  return path;
}

// The image settings of model.weights, and a line for the log.
std::string add_weights_processor(ConfigTree& tree) {
  const std::string weights = weights_of(tree);
  if (weights.empty() || !std::filesystem::exists(weights)) return "";  // loading them will tell
  return add_processor(tree, model_location(weights));
}

void log_if_any(const std::string& line) {
  if (!line.empty()) log_info(line);
}

RunConfig config_with_processor(ConfigTree& tree) {
  const std::string images = add_weights_processor(tree);
  RunConfig config = config_of(tree);
  log_if_any(images);
  return config;
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
  check_one_model(tree);
  return config_with_processor(tree);
}

RunConfig load_resumed_config(const std::string& run_yaml, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {run_yaml};
  all.insert(all.end(), configs.begin(), configs.end());
  ConfigTree tree = typed_tree(all, overrides);
  const ConfigTree typed = typed_tree(configs, overrides);
  replace_images(typed, tree);
  const ConfigEntry* name = typed.find("model.name");
  if (!typed.model_name().empty() && name != nullptr) tree.add(*name);  // another is refused
  return config_with_processor(tree);
}

RunConfig load_training_config(const std::vector<std::string>& configs,
                               const std::vector<std::string>& overrides) {
  ConfigTree tree = typed_tree(configs, overrides);
  check_one_model(tree);
  const std::string weights = weights_of(tree);
  const std::string images = add_weights_processor(tree);
  RunConfig config;
  if (weights.empty()) config = config_of(tree);
  if (!weights.empty()) take_architecture(config, tree, model_location(weights));
  check_single_view(config.data.transform.augment);
  log_if_any(images);
  return config;
}

std::string dump_run_config(RunConfig config) { return dump_config(config); }

ConfigTree resumed_config_tree(const std::string& run_yaml, const std::vector<std::string>& configs,
                               const std::vector<std::string>& overrides) {
  std::vector<std::string> all = {run_yaml};
  all.insert(all.end(), configs.begin(), configs.end());
  ConfigTree tree = run_config_tree(all, overrides);
  const std::string text = read_file(run_yaml);
  for (const ConfigEntry& entry : tree.entries()) {
    if (!starts_with(entry.origin, run_yaml + ":")) continue;
    const std::string origin = dumped_origin(text, entry.origin);
    if (!origin.empty()) tree.add({entry.key, entry.text, origin});
  }
  return tree;
}

ResolvedConfig resolve_config(const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides) {
  ResolvedConfig resolved;
  resolved.tree = run_config_tree(configs, overrides);
  check_one_model(resolved.tree);
  const std::string weights = weights_of(resolved.tree);
  if (weights.empty() || !std::filesystem::exists(weights)) {
    resolved.config = config_of(resolved.tree);
    if (!weights.empty())
      log_warning("model.weights = '", weights,
                  "' is not there: model.* is as far as settings say");
    return resolved;
  }
  DescribedModel model = take_architecture(resolved.config, resolved.tree, model_location(weights));
  std::vector<ConfigEntry> taken;
  const FieldList fields = fields_of(model.config);
  for (const FieldRef& field : fields.fields())
    taken.push_back({"model." + field.path, field_text(field), model.source});
  resolved.tree.add_defaults(std::move(taken));
  return resolved;
}

bool has_classifier(const LoadedModel& loaded) {
  return loaded.described.has_classifier || !loaded.config.model.head.empty();
}

void check_has_classifier(const LoadedModel& loaded) {
  const std::string& where = loaded.directory;
  VIC_CHECK(DataError, has_classifier(loaded), "'", where,
            "' is a backbone: it holds no classifier (classifier.weight), so it knows no classes. "
            "Its features: vicinity embed ",
            where, " IMAGES --out FILE; how well they tell classes apart: vicinity eval knn ",
            where, " data.root=PATH; a classifier on it: vicinity train model.weights=", where,
            " data.root=PATH; a linear head in a file of its own: model.head=FILE");
}

LoadedModel load_model_config(const std::string& path, const std::vector<std::string>& configs,
                              const std::vector<std::string>& overrides) {
  LoadedModel loaded;
  loaded.directory = model_location(path);
  ConfigTree tree = typed_tree(configs, overrides);
  std::string images;
  const std::string of_run = path + "/config.yaml";
  if (std::filesystem::exists(of_run)) {
    ConfigTree run = typed_tree({of_run}, {});
    replace_images(tree, run);
    loaded.config = config_of(run);
    loaded.config.model.head.clear();  // a run's own classifier is in its checkpoint
    loaded.config.model.use_ema = false;
  } else {
    images = add_processor(tree, loaded.directory);
  }
  loaded.described = take_architecture(loaded.config, tree, loaded.directory);
  log_if_any(images);
  return loaded;
}

}  // namespace vicinity
