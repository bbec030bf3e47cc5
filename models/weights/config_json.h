// Hugging Face's config.json.
#pragma once

#include <string>

#include "models/model_config.h"

namespace vicinity {

/// Architecture, class names and backbone outputs of a config.json of model_type dinat, nat, dinov2
/// or dinov2_with_registers. Fields that are left out have Hugging Face's defaults. DataError names
/// what is damaged, contradicts itself or is not supported; a field that is not known is warned of.
ModelConfig read_config_json(const std::string& path);

struct ConfigJsonOptions {
  std::string dtype = "float32";
  bool classifier = true;  // ...ForImageClassification, or the bare model
};
/// The text of the config.json of a model: every field that Hugging Face's class has.
std::string config_json_text(const ModelConfig& config, const ConfigJsonOptions& options);

}  // namespace vicinity
