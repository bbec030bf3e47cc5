#include <map>
#include <nlohmann/json.hpp>

#include "models/weights/config_json.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const DinatConfig& c) {
  return {{"model_type", "dinat"},
          {"patch_size", c.patch_size},
          {"num_channels", c.num_channels},
          {"embed_dim", c.embed_dim},
          {"depths", c.depths},
          {"num_heads", c.num_heads},
          {"kernel_size", c.kernel_size},
          {"dilations", c.dilations},
          {"mlp_ratio", c.mlp_ratio},
          {"qkv_bias", c.qkv_bias},
          {"hidden_dropout_prob", c.hidden_dropout_prob},
          {"attention_probs_dropout_prob", c.attention_probs_dropout_prob},
          {"drop_path_rate", c.drop_path_rate},
          {"hidden_act", c.hidden_act},
          {"initializer_range", c.initializer_range},
          {"layer_norm_eps", c.layer_norm_eps},
          {"layer_scale_init_value", c.layer_scale_init_value},
          {"hidden_size", c.width(c.levels() - 1)}};
}

// Current releases of transformers take DINOv2's ratio as a whole number only.
Json whole_where_it_is(double value) {
  const auto whole = static_cast<int64_t>(value);
  return static_cast<double>(whole) == value ? Json(whole) : Json(value);
}

Json to_json(const Dinov2Config& c) {
  const bool registers = c.num_register_tokens > 0;
  Json json = {{"model_type", registers ? "dinov2_with_registers" : "dinov2"},
               {"hidden_size", c.hidden_size},
               {"num_hidden_layers", c.num_hidden_layers},
               {"num_attention_heads", c.num_attention_heads},
               {"mlp_ratio", whole_where_it_is(c.mlp_ratio)},
               {"hidden_act", c.hidden_act},
               {"hidden_dropout_prob", c.hidden_dropout_prob},
               {"attention_probs_dropout_prob", c.attention_probs_dropout_prob},
               {"initializer_range", c.initializer_range},
               {"layer_norm_eps", c.layer_norm_eps},
               {"image_size", c.image_size},
               {"patch_size", c.patch_size},
               {"num_channels", c.num_channels},
               {"qkv_bias", c.qkv_bias},
               {"layerscale_value", c.layerscale_value},
               {"drop_path_rate", c.drop_path_rate},
               {"use_swiglu_ffn", c.use_swiglu_ffn},
               {"position_interpolation", c.position_interpolation}};
  if (registers) json["num_register_tokens"] = c.num_register_tokens;
  return json;
}

std::string architecture(const ModelConfig& config, bool classifier) {
  const bool registers = config.family == "dinov2" && config.dinov2.num_register_tokens > 0;
  const std::string base = config.family == "dinat" ? "Dinat"
                           : registers              ? "Dinov2WithRegisters"
                                                    : "Dinov2";
  return base + (classifier ? "ForImageClassification" : "Model");
}

void add_backbone(const ModelConfig& config, Json& json) {
  std::vector<int> stages = config.backbone.stages;
  if (stages.empty()) stages = {config.stages()};
  json["stage_names"] = Json::array({"stem"});
  for (int i = 1; i <= config.stages(); ++i) json["stage_names"].push_back(stage_name(i));
  for (const int stage : stages)
    json["out_features"].push_back(json["stage_names"][static_cast<size_t>(stage)]);
  json["out_indices"] = stages;
  if (config.family != "dinov2") return;
  json["apply_layernorm"] = config.backbone.apply_layernorm;
  json["reshape_hidden_states"] = config.backbone.reshape_hidden_states;
}

// Without labels too: no entry means two. Members are put at the end as they come, for looking each
// one up would take the square of their number; of equal names the last counts, as in Python.
void add_labels(const std::vector<std::string>& labels, Json& json) {
  Json::object_t names, numbers;
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < labels.size(); ++i) {
    names.emplace_back(std::to_string(i), labels[i]);
    last[labels[i]] = i;
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (last[labels[i]] == i) numbers.emplace_back(labels[i], i);
  }
  json["id2label"] = std::move(names);
  json["label2id"] = std::move(numbers);
}

}  // namespace

std::string config_json_text(const ModelConfig& config, const ConfigJsonOptions& options) {
  Json json = {{"architectures", {architecture(config, options.classifier)}}};
  json.update(config.family == "dinov2" ? to_json(config.dinov2) : to_json(config.dinat));
  add_backbone(config, json);
  if (options.classifier) {
    add_labels(config.labels, json);
    if (!config.problem_type.empty()) json["problem_type"] = config.problem_type;
  }
  json["torch_dtype"] = options.dtype;
  json["vicinity_name"] = config.title();
  return json.dump(2) + "\n";
}

}  // namespace vicinity
