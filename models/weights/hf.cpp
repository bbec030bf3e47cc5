#include "models/weights/hf.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/config_reader.h"
#include "core/ops/elementwise.h"
#include "core/ops/position_interpolation.h"
#include "models/weights/safetensors.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMinimumMatch = 0.9;

// "dinat.encoder..." -> "encoder...": the name in a file of the bare model.
std::string bare_name(const std::string& name) {
  for (const char* prefix : {"dinat.", "nat.", "dinov2.", "dinov2_with_registers."}) {
    if (starts_with(name, prefix)) return name.substr(std::string(prefix).size());
  }
  return name;
}

Json to_json(const DinatConfig& c) {
  return {{"model_type", "dinat"},
          {"architectures", {"DinatForImageClassification"}},
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
          {"initializer_range", 0.02},
          {"layer_norm_eps", c.layer_norm_eps},
          {"layer_scale_init_value", c.layer_scale_init_value},
          {"hidden_size", c.width(c.levels() - 1)}};
}

Json to_json(const Dinov2Config& c) {
  const bool registers = c.num_register_tokens > 0;
  Json json = {
      {"model_type", registers ? "dinov2_with_registers" : "dinov2"},
      {"architectures",
       {registers ? "Dinov2WithRegistersForImageClassification" : "Dinov2ForImageClassification"}},
      {"hidden_size", c.hidden_size},
      {"num_hidden_layers", c.num_hidden_layers},
      {"num_attention_heads", c.num_attention_heads},
      {"mlp_ratio", c.mlp_ratio},
      {"hidden_act", c.hidden_act},
      {"hidden_dropout_prob", c.hidden_dropout_prob},
      {"attention_probs_dropout_prob", c.attention_probs_dropout_prob},
      {"initializer_range", 0.02},
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

// NAT's config.json has no dilations: all are 1.
Json undilated(const Json& json) {
  Json dilations = Json::array();
  for (const int depth : json.value("depths", DinatConfig().depths)) {
    dilations.push_back(std::vector<int>(static_cast<size_t>(std::clamp(depth, 0, 1000)), 1));
  }
  return dilations;
}

std::vector<std::string> labels_of(const Json& json) {
  std::vector<std::string> labels;
  if (json.contains("id2label")) {
    const Json& map = json.at("id2label");
    for (size_t i = 0; i < map.size(); ++i)
      labels.push_back(map.at(std::to_string(i)).get<std::string>());
  } else {
    const size_t count = json.value("num_labels", size_t{2});  // what transformers assumes
    for (size_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  }
  return labels;
}

// The tensor in the shape of the model: as it is, or, a table of positions, resampled to another
// square grid.
Tensor fit(const Tensor& tensor, const Published& entry, const std::string& path) {
  if (tensor.shape() == entry.shape) return tensor;
  const bool table = ends_with(entry.name, "position_embeddings") && tensor.rank() == 3 &&
                     tensor.dim(0) == 1 && tensor.dim(2) == entry.shape[2];
  VIC_CHECK(DataError, table, "'", path, "': ", entry.name, " has shape ", tensor.shape(),
            ", the model wants ", entry.shape,
            "; the model.* keys must describe the model in the file");
  const auto side = std::llround(std::sqrt(static_cast<double>(entry.shape[1] - 1)));
  const Tensor rows = cast(tensor, DType::f32).reshape({tensor.dim(1), tensor.dim(2)});
  return interpolate_positions(rows, side, side, PositionMode::size).reshape(entry.shape);
}

}  // namespace

std::string LoadReport::text() const {
  const auto row = [](const char* what, const std::vector<std::string>& names) {
    std::string line = str("\n  ", what, names.size());
    if (!names.empty() && names.size() <= 8) line += "  (" + join(names, ", ") + ")";
    return line;
  };
  return str("weights: ", format_fixed(100 * matched, 1), " % of the backbone matched",
             row("loaded   ", loaded), row("resized  ", resized), row("new      ", fresh),
             row("unused   ", unused));
}

ModelConfig read_hf_config(const std::string& directory) {
  const std::string path = directory + "/config.json";
  VIC_CHECK(DataError, std::filesystem::exists(path), "no model in '", directory,
            "': it has no config.json");
  ModelConfig config;
  try {
    const Json json = Json::parse(read_file(path));
    const std::string type = json.value("model_type", "");
    VIC_CHECK(DataError, type == "dinat" || type == "nat" || starts_with(type, "dinov2"), "'", path,
              "': model_type '", type,
              "' is not supported; there are dinat, nat, dinov2 and dinov2_with_registers");
    config.family = starts_with(type, "dinov2") ? "dinov2" : "dinat";
    config.name = json.value("vicinity_name", type);
    config.labels = labels_of(json);
    ConfigTree tree;
    tree.add_file(path);
    if (config.family == "dinov2") {
      if (type == "dinov2_with_registers") {
        config.dinov2.num_register_tokens = 4;
        config.dinov2.position_interpolation = "antialias";
      }
      read_config(tree, config.dinov2, {.ignore_unknown = true});
    } else {
      if (type == "nat") tree.add_override("dilations=" + undilated(json).dump());
      read_config(tree, config.dinat, {.ignore_unknown = true});
    }
  } catch (const nlohmann::json::exception& error) {
    VIC_FAIL(DataError, "'", path, "' is damaged: ", error.what());
  }
  return config;
}

LoadReport load_hf(Model& model, const std::string& directory) {
  const std::string path = directory + "/model.safetensors";
  VIC_CHECK(DataError, std::filesystem::exists(path), "no weights in '", directory,
            "': it has no model.safetensors");
  const SafetensorsFile file(path);
  std::map<std::string, std::string> by_bare_name;
  for (const auto& [name, entry] : file.entries()) by_bare_name[bare_name(name)] = name;
  LoadReport report;
  int64_t backbone = 0, matched = 0;
  for (const Published& entry : model.store().published()) {
    const bool head = starts_with(entry.name, "classifier.");
    backbone += head ? 0 : entry.size();
    const auto found = by_bare_name.find(bare_name(entry.name));
    const bool absent = found == by_bare_name.end();
    if (absent || (head && !(file.entries().at(found->second).shape == entry.shape))) {
      report.fresh.push_back(entry.name);
      continue;
    }
    const Tensor tensor = file.read(found->second);
    const Tensor fitted = fit(tensor, entry, path);
    model.store().adopt(model.store().value(), entry, fitted);
    (fitted.shape() == tensor.shape() ? report.loaded : report.resized).push_back(entry.name);
    matched += head ? 0 : entry.size();
    by_bare_name.erase(found);
  }
  model.store().refresh_copies();
  for (const auto& [bare, name] : by_bare_name) report.unused.push_back(name);
  report.matched =
      static_cast<double>(matched) / static_cast<double>(std::max<int64_t>(1, backbone));
  VIC_CHECK(DataError, report.matched >= kMinimumMatch, "'", path, "' holds only ",
            format_fixed(100 * report.matched, 1),
            " % of the model's backbone; is it another architecture? ", report.text());
  return report;
}

void load_exact(Model& model, const std::string& path) {
  const SafetensorsFile file(path);
  for (const Published& entry : model.store().published()) {
    model.store().adopt(model.store().value(), entry, file.read(entry.name));
  }
}

void save_hf(const Model& model, const std::string& directory) {
  const ModelConfig& config = model.config();
  Json json = config.family == "dinov2" ? to_json(config.dinov2) : to_json(config.dinat);
  for (size_t i = 0; i < config.labels.size(); ++i) {
    json["id2label"][std::to_string(i)] = config.labels[i];
    json["label2id"][config.labels[i]] = i;
  }
  json["problem_type"] = "single_label_classification";
  const bool wide = model.store().value().dtype() == DType::f64;
  json["torch_dtype"] = wide ? "float64" : "float32";
  json["vicinity_name"] = config.title();
  write_file_atomically(directory + "/config.json", json.dump(2) + "\n");
  write_safetensors(directory + "/model.safetensors", model.store().publish(model.store().value()));
}

}  // namespace vicinity
