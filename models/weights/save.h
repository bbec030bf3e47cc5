// Models written in the forms that others read.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"
#include "models/weights/names.h"

namespace vicinity {

/// config.json and model.safetensors of the ...ForImageClassification class.
void save_hf(const Model& model, const std::string& directory);

struct ExportOptions {
  NameFormat format = NameFormat::hf;
  bool classifier = true;  // false: the bare model, where the weights came without one
};
/// config.json, and the weights as model.safetensors (hf), original.safetensors or
/// timm.safetensors; with timm's also timm_rest.safetensors (timm_rest.h). Returns the names of the
/// files. UsageError where the format has no such model.
std::vector<std::string> export_model(const Model& model, const std::string& directory,
                                      const ExportOptions& options);

/// The published tensors under the names of another format, in its shapes: joined, split, without
/// those it does not have. hf without classifier: the names of the bare model.
std::vector<NamedTensor> renamed(const std::vector<NamedTensor>& published,
                                 const ModelConfig& config, const ExportOptions& options);

}  // namespace vicinity
