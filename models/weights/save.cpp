#include "models/weights/save.h"

#include <cstring>
#include <map>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "models/weights/config_json.h"
#include "models/weights/safetensors.h"
#include "models/weights/timm_rest.h"

namespace vicinity {
namespace {

constexpr const char* kTable = "embeddings.position_embeddings";
constexpr const char* kClassToken = "embeddings.cls_token";

// First-axis rows [begin, end) in memory of their own.
Tensor copy_of_rows(const Tensor& tensor, int64_t begin, int64_t end) {
  const Tensor part = tensor.slice(begin, end);
  Tensor result = empty(part.shape(), part.dtype());
  copy_(result, part);
  return result;
}

Tensor joined(const std::vector<Tensor>& parts) {
  Shape shape = parts[0].shape();
  shape.set(0, shape[0] * static_cast<int64_t>(parts.size()));
  Tensor whole = empty(shape, parts[0].dtype());
  char* out = whole.raw();
  for (const Tensor& part : parts) {
    std::memcpy(out, part.raw(), part.bytes());
    out += part.bytes();
  }
  return whole;
}

// timm's models with registers: positions for patches only, the class token with its own added.
std::vector<NamedTensor> without_class_position(std::vector<NamedTensor> published,
                                                std::vector<NamedTensor>& rest) {
  NamedTensor *token = nullptr, *table = nullptr;
  for (NamedTensor& t : published) {
    if (bare_name(t.name) == kClassToken) token = &t;
    if (bare_name(t.name) == kTable) table = &t;
  }
  VIC_ASSERT(token != nullptr && table != nullptr);
  const int64_t rows = table->tensor.dim(1), width = table->tensor.dim(2);
  const Tensor flat = table->tensor.reshape({rows, width});
  const Tensor position = copy_of_rows(flat, 0, 1).reshape({1, 1, width});
  rest.push_back({kClassToken, token->tensor});
  rest.push_back({kClassPosition, position});
  token->tensor = timm_class_token(token->tensor, position);
  table->tensor = copy_of_rows(flat, 1, rows).reshape({1, rows - 1, width});
  return published;
}

// The published tensors that timm has no names for.
std::vector<NamedTensor> without_place(const std::vector<NamedTensor>& published,
                                       const ModelConfig& config, const ExportOptions& options) {
  const std::vector<NameRule> rules =
      name_rules(config.family, options.format, config.dinov2.use_swiglu_ffn);
  std::vector<NamedTensor> rest;
  for (const NamedTensor& t : published) {
    const std::string bare = bare_name(t.name);
    const bool dropped = !options.classifier && starts_with(bare, "classifier.");
    if (!dropped && !place_of(rules, bare)) rest.push_back({bare, t.tensor});
  }
  return rest;
}

bool has_registers(const ModelConfig& config) {
  return config.family == "dinov2" && config.dinov2.num_register_tokens > 0;
}

void write_weights(const std::vector<NamedTensor>& published, const ModelConfig& config,
                   const std::string& path, const ExportOptions& options) {
  write_safetensors(path, renamed(published, config, options));
}

const char* torch_dtype(const Model& model) {
  return model.store().value().dtype() == DType::f64 ? "float64" : "float32";
}

}  // namespace

std::vector<NamedTensor> renamed(const std::vector<NamedTensor>& published,
                                 const ModelConfig& config, const ExportOptions& options) {
  const bool swiglu = config.family == "dinov2" && config.dinov2.use_swiglu_ffn;
  const std::vector<NameRule> rules = name_rules(config.family, options.format, swiglu);
  std::vector<NamedTensor> result;
  std::vector<Tensor> parts;  // of the tensor that is being joined
  for (const NamedTensor& t : published) {
    const std::string bare = bare_name(t.name);
    if (!options.classifier && starts_with(bare, "classifier.")) continue;
    if (rules.empty()) {
      result.push_back({options.classifier ? t.name : bare, t.tensor});
      continue;
    }
    const auto place = place_of(rules, bare);
    if (!place) continue;
    if (place->parts > 1) {  // the parts are published one after the other
      parts.push_back(t.tensor);
      if (static_cast<int64_t>(parts.size()) < place->parts) continue;
      result.push_back({place->names[0], joined(parts)});
      parts.clear();
    } else if (place->names.size() > 1) {
      const auto rows = static_cast<int64_t>(place->names.size());
      for (int64_t i = 0; i < rows; ++i) {
        const Tensor row = copy_of_rows(t.tensor, i, i + 1).reshape({t.tensor.size() / rows});
        result.push_back({place->names[static_cast<size_t>(i)], row});
      }
    } else {
      result.push_back({place->names[0], t.tensor});
    }
  }
  return result;
}

void save_hf(const Model& model, const std::string& directory) {
  export_model(model, directory, {});
}

std::vector<std::string> export_model(const Model& model, const std::string& directory,
                                      const ExportOptions& options) {
  const ModelConfig& config = model.config();
  std::vector<NamedTensor> published = model.store().publish(model.store().value());
  const char* name = options.format == NameFormat::hf         ? "model.safetensors"
                     : options.format == NameFormat::original ? "original.safetensors"
                                                              : kTimmFile;
  std::vector<std::string> files = {"config.json", name};
  if (options.format == NameFormat::timm) {
    std::vector<NamedTensor> rest = without_place(published, config, options);
    if (has_registers(config)) published = without_class_position(std::move(published), rest);
    write_weights(published, config, directory + "/" + name, options);
    write_timm_rest(directory, rest);
    files.emplace_back("timm_rest.safetensors");
  } else {
    write_weights(published, config, directory + "/" + name, options);
  }
  write_file_atomically(directory + "/config.json",
                        config_json_text(config, {torch_dtype(model), options.classifier}));
  return files;
}

}  // namespace vicinity
