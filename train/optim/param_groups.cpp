#include "train/optim/param_groups.h"

#include <fnmatch.h>

#include <cmath>
#include <numeric>

#include "core/base/text.h"

namespace vicinity {
namespace {

// Without the name of the base model; the classifier stands beside it.
std::string short_name(const std::string& name) {
  return starts_with(name, "classifier") ? name : name.substr(name.find('.') + 1);
}

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), short_name(name).c_str(), 0) == 0;
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

// The number behind `prefix` in a name: 7 of ("encoder.layer.7.norm1.weight", "encoder.layer."), or
// -1.
int64_t number_after(const std::string& name, const std::string& prefix) {
  if (!starts_with(name, prefix)) return -1;
  return std::stoll(name.substr(prefix.size()));
}

int64_t blocks_below(const DinatConfig& config, int64_t level) {
  return std::accumulate(config.depths.begin(), config.depths.begin() + level, int64_t{0});
}

// encoder.levels.I.layers.J. or encoder.levels.I.downsample.
int64_t dinat_layer(const std::string& name, const DinatConfig& config) {
  const std::string levels = "encoder.levels.";
  const int64_t level = number_after(name, levels);
  const std::string inner = name.substr(name.find('.', levels.size()) + 1);
  const int64_t block = number_after(inner, "layers.");
  return block < 0 ? blocks_below(config, level + 1) + 1 : blocks_below(config, level) + block + 1;
}

void check_patterns(const char* key, const std::vector<std::string>& patterns,
                    const ParameterStore& store) {
  for (const std::string& pattern : patterns) {
    const bool found = std::any_of(store.published().begin(), store.published().end(),
                                   [&](const Published& p) { return matches(pattern, p.name); });
    VIC_CHECK(ConfigError, found, key, ": '", pattern, "' fits no tensor of the model; names are ",
              short_name(store.published().front().name), ", ",
              short_name(store.published()[store.published().size() / 2].name), ", ...");
  }
}

}  // namespace

int64_t last_layer(const ModelConfig& config) {
  return 1 + (config.family == "dinov2" ? config.dinov2.num_hidden_layers
                                        : blocks_below(config.dinat, config.dinat.levels()));
}

int64_t layer_number(const std::string& name, const ModelConfig& config) {
  const std::string inner = short_name(name);
  if (starts_with(inner, "embeddings.")) return 0;
  if (starts_with(inner, "encoder.levels.")) return dinat_layer(inner, config.dinat);
  const int64_t layer = number_after(inner, "encoder.layer.");
  return layer < 0 ? last_layer(config) : layer + 1;
}

ParamRule rule_of(const Published& parameter, const ModelConfig& model, const OptimConfig& optim) {
  const std::string& name = parameter.name;
  const bool plain = parameter.shape.rank() <= 1 || ends_with(name, ".bias") ||
                     ends_with(name, ".layer_scale_parameters");
  const auto above = static_cast<double>(last_layer(model) - layer_number(name, model));
  return {.decay = !plain && !matches_any(optim.no_decay, name),
          .frozen = matches_any(optim.freeze, name),
          .lr_scale = std::pow(optim.layer_decay, above)};
}

std::vector<UpdateRange> trainable_ranges(Model& model, const OptimConfig& optim) {
  ParameterStore& store = model.store();
  check_patterns("optim.freeze", optim.freeze, store);
  check_patterns("optim.no_decay", optim.no_decay, store);
  store.freeze([&](const std::string& name) { return matches_any(optim.freeze, name); });
  std::vector<UpdateRange> ranges;
  bool joined = false;  // whether the tensor before belongs to the last range
  for (const Published& entry : store.published()) {
    const ParamRule rule = rule_of(entry, model.config(), optim);
    const int64_t end = entry.offset + entry.size();
    if (!rule.frozen && joined && ranges.back().decay == rule.decay &&
        ranges.back().lr_scale == rule.lr_scale) {
      ranges.back().end = end;  // the padding between holds zeros, which stay zero
    } else if (!rule.frozen) {
      ranges.push_back({entry.offset, end, rule.lr_scale, rule.decay});
    }
    joined = !rule.frozen;
  }
  VIC_CHECK(ConfigError, !ranges.empty(), "optim.freeze = [", join(optim.freeze, ", "),
            "] leaves nothing to train");
  return ranges;
}

}  // namespace vicinity
