// Hugging Face model directories: config.json and model.safetensors, of
// DinatForImageClassification, Dinov2ForImageClassification and
// Dinov2WithRegistersForImageClassification (or their bare models).
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace vicinity {

/// What became of each parameter of the model and each tensor of the file.
struct LoadReport {
  std::vector<std::string> loaded, resized, fresh, unused;  // fresh: kept as initialised
  double matched = 0;  // share of the backbone's parameters that were loaded
  /// A table of the counts, and the names where they are few.
  std::string text() const;
};

/// Architecture and class names of DIRECTORY/config.json. DataError names what is missing or not
/// supported.
ModelConfig read_hf_config(const std::string& directory);
/// Weights of DIRECTORY/model.safetensors, whether its names carry the prefix of the base model or
/// not. A classifier of another size is left as initialised, a table of positions for another
/// square grid is resampled; both are reported. DataError if another tensor has another shape, or
/// less than 90 % of the backbone is found.
LoadReport load_hf(Model& model, const std::string& directory);
/// Every tensor, by its exact name and shape: resuming.
void load_exact(Model& model, const std::string& file);
/// config.json and model.safetensors.
void save_hf(const Model& model, const std::string& directory);

}  // namespace vicinity
