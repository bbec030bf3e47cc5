// The architecture of a model: its family, that family's fields, and its classes.
#pragma once

#include "models/dinat/dinat_config.h"
#include "models/dinov2/dinov2_config.h"

namespace vicinity {

/// What a backbone hands over, in the words of Hugging Face's BackboneConfigMixin: read from
/// config.json and written back.
struct BackboneOutputs {
  std::vector<int> stages;  // 0: stem; 1..: after that level or layer; empty: the last
  bool apply_layernorm = true;
  bool reshape_hidden_states = true;
  /// Feature maps will be asked for: DiNAT then has a norm for each stage, which its other classes
  /// do not have.
  bool built = false;
};

struct ModelConfig {
  std::string family = "dinat";
  std::string name;
  DinatConfig dinat;
  Dinov2Config dinov2;
  std::vector<std::string>
      labels;  // class names in label order; from the data or the weight file, not from YAML
  std::string problem_type;  // as Hugging Face's; empty: not decided
  BackboneOutputs backbone;

  template <class V>
  void fields(V& v) {
    v("family", family, "dinat (NAT included) or dinov2", one_of({"dinat", "dinov2"}));
    v("name", name, "what to call the model in logs and folders");
    if (family == "dinov2") {
      dinov2.fields(v);
    } else {
      dinat.fields(v);
    }
  }
  void check(Problems& problems) const;

  /// `name`, or the family.
  std::string title() const { return name.empty() ? family : name; }
  /// Levels of DiNAT, layers of DINOv2.
  int stages() const { return family == "dinov2" ? dinov2.num_hidden_layers : dinat.levels(); }
  /// The backbone's stages, in their order; the last where none is named.
  std::vector<int> feature_stages() const;
  int num_channels() const { return family == "dinov2" ? dinov2.num_channels : dinat.num_channels; }
  double initializer_range() const {
    return family == "dinov2" ? dinov2.initializer_range : dinat.initializer_range;
  }
};

/// "stem", "stage1", ...
std::string stage_name(int stage);

/// A level (of DiNAT) whose map is smaller than kernel x dilation of one of its blocks.
struct PaddedLevel {
  int level;
  int64_t map;
  int64_t kernel;
  int64_t dilation;  // the largest of the level
};
std::vector<PaddedLevel> padded_levels(const ModelConfig& config, int64_t image_size);

/// The dilations with every entry cut to what its map allows, as YAML; where a map is smaller than
/// the kernel, also the largest kernel that fits all maps.
std::string nearest_valid_schedule(const ModelConfig& config, int64_t image_size);

/// ConfigError where the images do not fit the patches (DINOv2: the size must be a multiple of the
/// patch).
void check_image_size(const ModelConfig& config, int64_t image_size);

}  // namespace vicinity
