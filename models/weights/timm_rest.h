// What timm's names cannot hold, kept beside an export under them so that nothing is lost on the
// way back: the mask token, the classifier on two tokens; and, of models with registers, the class
// token and its position, of which timm keeps the sum.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/parameter_store.h"

namespace vicinity {

inline constexpr const char* kTimmFile = "timm.safetensors";
/// The name of the row of the class token in the table of positions, [1, 1, D], in the rest.
inline constexpr const char* kClassPosition = "embeddings.class_position";

/// cls_token + the table's first row -> the token of timm's models with registers.
Tensor timm_class_token(const Tensor& cls_token, const Tensor& class_position);

/// Writes the rest beside FOLDER/timm.safetensors: published names without prefix.
void write_timm_rest(const std::string& folder, const std::vector<NamedTensor>& tensors);
/// The rest that belongs to `path`, if that is an export under timm's names with one beside it and
/// the class token (absent: of a model without registers) is still that of the export.
std::map<std::string, Tensor> read_timm_rest(const std::string& path, const Tensor& class_token);

}  // namespace vicinity
