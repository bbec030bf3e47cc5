// The architecture of the model in a weight file: from its config.json, or from the shapes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/model_config.h"
#include "models/weights/contents.h"

namespace vicinity {

/// What the shapes of a file tell: a configuration, and for each field that they tell the tensor
/// that tells it. depths, widths, heads (of DiNAT, whose biases have one table a head), kernel,
/// layer scale, registers, positions, patch, kind of feed-forward network, channels, classes.
struct Inferred {
  ModelConfig config;
  std::map<std::string, std::string> evidence;  // field -> tensor
};
Inferred infer_config(const WeightContents& contents);

struct DescribedModel {
  ModelConfig config;
  Inferred inferred;
  std::string path;    // of the weights
  std::string dtype;   // of its first layer: F32, BF16, ...
  std::string source;  // of the architecture: a config.json, a model's name, the shapes
  std::vector<std::string> missing;  // fields that nothing tells: the reader must give them
  bool from_shapes = false;          // nothing but the shapes told the architecture
  bool has_classifier = false;
};
/// The model at `path`: a folder of Hugging Face's, or a weight file. Its architecture comes from
/// the config.json beside it; without one, from the published name of the file
/// (dinat_mini_in1k_224.pth), else from the shapes. DataError if config.json contradicts the
/// shapes, with both values.
DescribedModel describe_model(const std::string& path);

/// One field that a configuration and a file do not agree on.
struct Contradiction {
  std::string field;
  std::string config_value, file_value;
  std::string tensor;  // that shows it, with its shape
};
/// Compares the fields that shapes tell.
std::vector<Contradiction> contradictions(ModelConfig config, const Inferred& inferred);

/// Which fields a model may have otherwise than the file it starts from: what loading resizes, adds
/// or leaves out, and says (load.h).
bool is_adaptable(const Contradiction& contradiction);

/// The configs/models/NAME.yaml of a published weight file, by the name of the file; "" if unknown.
std::string published_model(const std::string& path);

}  // namespace vicinity
