// vicinity inspect of a weight file: its tensors, whose names they are, and the model they show.
#include "train/cli/inspect_weights.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/text.h"
#include "core/config/field_text.h"
#include "models/weights/describe.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

// What a file of a known model shows; nothing of optimiser states, heads and others' models.
std::optional<DescribedModel> described(const std::string& path) {
  try {
    return describe_model(path);
  } catch (const DataError&) {
    return std::nullopt;
  }
}

std::vector<std::pair<std::string, std::string>> shown_fields(DescribedModel& model) {
  std::vector<std::pair<std::string, std::string>> rows;
  const FieldList fields = fields_of(model.inferred.config);
  for (const FieldRef& field : fields.fields()) {
    if (model.inferred.evidence.contains(field.path))
      rows.emplace_back(field.path, field_text(field));
  }
  return rows;
}

void print_model(const std::string& path) {
  std::optional<DescribedModel> model = described(path);
  if (!model) return;
  const WeightContents contents(path);
  std::cout << model->config.family << ", " << name_of(contents.format()) << " names";
  if (!contents.wrapper().empty()) std::cout << " behind '" << contents.wrapper() << "'";
  std::cout << "; architecture from " << model->source << "\n";
  for (const auto& [field, value] : shown_fields(*model))
    std::cout << "  " << field << " = " << value << "\n";
  if (model->has_classifier)
    std::cout << "  classes = " << model->inferred.config.labels.size() << "\n";
}

int print_json(const WeightFile& file) {
  Json json = {{"file", file.path()}, {"tensors", Json::object()}};
  for (const auto& [name, entry] : file.entries())
    json["tensors"][name] = {{"dtype", entry.dtype}, {"shape", entry.shape.to_vector()}};
  if (std::optional<DescribedModel> model = described(file.path())) {
    json["family"] = model->config.family;
    json["format"] = name_of(WeightContents(file.path()).format());
    for (const auto& [field, value] : shown_fields(*model))
      json["architecture"][field] = Json::parse(value);
  }
  std::cout << json.dump() << "\n";
  return 0;
}

}  // namespace

int inspect_weights(const std::string& path, bool json) {
  const auto file = open_weights(path);
  if (json) return print_json(*file);
  int64_t total = 0;
  for (const auto& [name, entry] : file->entries()) {
    std::cout << entry.dtype << "  " << str(entry.shape) << "  " << name << "\n";
    total += entry.shape.size();
  }
  for (const auto& [name, value] : file->metadata())
    std::cout << name << ": " << value.substr(0, 200) << "\n";
  if (!file->ignored().empty()) std::cout << "passed over: " << join(file->ignored(), ", ") << "\n";
  print_model(path);
  std::cout << file->entries().size() << " tensors, " << format_count(total) << " elements\n";
  return 0;
}

}  // namespace vicinity
