#include "models/weights/describe.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/base/text.h"
#include "core/config/config_reader.h"
#include "core/config/field_text.h"
#include "models/weights/config_json.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// Names that transformers gives to weights, and export: a config.json beside them is theirs.
bool is_hf_name(const std::string& name) {
  return starts_with(name, "model.safetensors") || starts_with(name, "pytorch_model.") ||
         starts_with(name, "model-") || starts_with(name, "pytorch_model-") ||
         name == "original.safetensors" || name == kTimmFile;
}

// The config.json that belongs to the weights, or "".
std::string config_beside(const std::string& path) {
  const fs::path folder = fs::is_directory(path) ? fs::path(path) : fs::path(path).parent_path();
  const std::string config = (folder / "config.json").string();
  const bool own = fs::is_directory(path) || is_hf_name(fs::path(path).filename().string());
  return own && fs::exists(config) ? config : "";
}

ModelConfig named_config(const std::string& name) {
  ConfigTree tree;
  tree.add_file(find_config("models", name));
  ModelConfig config;
  read_config(tree, config);
  return config;
}

int64_t ffn_width(const ModelConfig& c) {
  return c.family == "dinov2"
             ? c.dinov2.ffn_width()
             : static_cast<int64_t>(c.dinat.mlp_ratio * static_cast<double>(c.dinat.embed_dim));
}

// Whether the hidden widths can be compared: the fields that they follow from agree.
bool same_base(const ModelConfig& a, const ModelConfig& b) {
  return a.dinov2.hidden_size == b.dinov2.hidden_size &&
         a.dinov2.use_swiglu_ffn == b.dinov2.use_swiglu_ffn &&
         a.dinat.embed_dim == b.dinat.embed_dim;
}

// Whether a field means the same in both. Some are compared by what they do to shapes, unless the
// fields that this follows from are to blame.
bool agree(const std::string& field, const ModelConfig& a, const ModelConfig& b, bool same_text) {
  if (field == "mlp_ratio") return !same_base(a, b) || ffn_width(a) == ffn_width(b);
  if (field == "layer_scale_init_value")
    return (a.dinat.layer_scale_init_value > 0) == (b.dinat.layer_scale_init_value > 0);
  if (field == "image_size") {
    return a.dinov2.patch_size != b.dinov2.patch_size ||
           a.dinov2.positions_per_side() == b.dinov2.positions_per_side();
  }
  return same_text;
}

// What nothing in a bare weight file tells.
std::vector<std::string> untold(const ModelConfig& config) {
  if (config.family == "dinat") return {"dilations"};
  if (config.dinov2.hidden_size % 64 != 0) return {"num_attention_heads"};
  return {};
}

void describe_without_config(DescribedModel& model) {
  model.config = model.inferred.config;
  model.source = "the shapes in the file";
  const std::string name = published_model(model.path);
  if (!name.empty()) {
    ModelConfig published = named_config(name);
    if (published.family == model.config.family &&
        contradictions(published, model.inferred).empty()) {
      published.labels = model.config.labels;
      model.config = published;
      model.source = "the name of the file: " + name;
      return;
    }
  }
  model.from_shapes = true;
  model.missing = untold(model.config);
}

}  // namespace

std::string published_model(const std::string& path) {
  static const std::pair<const char*, const char*> table[] = {
      {"nat_mini", "nat_mini"},
      {"nat_tiny", "nat_tiny"},
      {"nat_small", "nat_small"},
      {"nat_base", "nat_base"},
      {"dinat_mini_in1k_224", "dinat_mini"},
      {"dinat_tiny_in1k_224", "dinat_tiny"},
      {"dinat_small_in1k_224", "dinat_small"},
      {"dinat_base_in1k_224", "dinat_base"},
      {"dinat_large_in22k_224", "dinat_large"},
      {"dinat_large_in22k_in1k_224", "dinat_large"},
      {"dinat_large_in22k_in1k_384", "dinat_large_384"},
      {"dinat_large_in22k_in1k_384_11x11", "dinat_large_384_k11"},
      {"dinov2_vits14_pretrain", "dinov2_vits14"},
      {"dinov2_vitb14_pretrain", "dinov2_vitb14"},
      {"dinov2_vitl14_pretrain", "dinov2_vitl14"},
      {"dinov2_vitg14_pretrain", "dinov2_vitg14"},
      {"dinov2_vits14_reg4_pretrain", "dinov2_vits14_reg4"},
      {"dinov2_vitb14_reg4_pretrain", "dinov2_vitb14_reg4"},
      {"dinov2_vitl14_reg4_pretrain", "dinov2_vitl14_reg4"},
      {"dinov2_vitg14_reg4_pretrain", "dinov2_vitg14_reg4"},
  };
  const std::string file = fs::path(path).filename().string(),
                    stem = file.substr(0, file.find('.'));
  for (const auto& [published, name] : table) {
    if (stem == published) return name;
  }
  return "";
}

std::vector<Contradiction> contradictions(ModelConfig config, const Inferred& inferred) {
  ModelConfig shapes = inferred.config;
  const FieldList ours = fields_of(config), theirs = fields_of(shapes);
  std::vector<Contradiction> found;
  for (const auto& [field, tensor] : inferred.evidence) {
    const std::string mine = field_text(*ours.find(field)), file = field_text(*theirs.find(field));
    if (!agree(field, config, shapes, mine == file)) found.push_back({field, mine, file, tensor});
  }
  return found;
}

bool is_adaptable(const Contradiction& contradiction) {
  const std::string& field = contradiction.field;
  if (field == "qkv_bias") return contradiction.file_value == "false";  // new ones are zero
  if (field == "layer_scale_init_value") return contradiction.file_value == "0";
  static const std::vector<std::string> fields = {"depths",      "num_hidden_layers",
                                                  "image_size",  "num_register_tokens",
                                                  "kernel_size", "num_channels"};
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

DescribedModel describe_model(const std::string& path) {
  const WeightContents contents(path);
  DescribedModel model;
  model.path = contents.path();
  model.dtype = contents.dtype();
  model.inferred = infer_config(contents);
  model.has_classifier = contents.has("classifier.weight");
  model.source = config_beside(path);
  if (model.source.empty()) {
    describe_without_config(model);
    return model;
  }
  model.config = read_config_json(model.source);
  VIC_CHECK(DataError, model.config.family == contents.family(), "'", model.source,
            "' describes a ", model.config.family, ", but '", contents.path(), "' holds a ",
            contents.family());
  for (const Contradiction& c : contradictions(model.config, model.inferred)) {
    VIC_FAIL(DataError, "'", model.source, "' says ", c.field, " = ", c.config_value, ", but '",
             contents.path(), "' has ", c.file_value, ": ", c.tensor, " shows it");
  }
  const size_t classes = model.inferred.config.labels.size();
  VIC_CHECK(DataError, !model.has_classifier || classes == model.config.labels.size(), "'",
            model.source, "' names ", model.config.labels.size(), " classes, but '",
            contents.path(), "' has a classifier of ", classes);
  return model;
}

}  // namespace vicinity
