#include "train/cli/processor_defaults.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/yaml_text.h"
#include "data/transforms/processor.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

std::string list_text(const std::vector<double>& values) {
  std::vector<std::string> parts;
  for (const double value : values) parts.push_back(format_number(value));
  return "[" + join(parts, ", ") + "]";
}

std::vector<ConfigEntry> entries_of(const TransformConfig& c, const std::string& origin) {
  return {{"data.image_size", std::to_string(c.image_size), origin},
          {"data.interpolation", c.interpolation, origin},
          {"data.eval_resize", yaml_string(c.eval_resize), origin},
          {"data.eval_crop", yaml_string(c.eval_crop), origin},
          {"data.mean", list_text(c.mean), origin},
          {"data.std", list_text(c.std), origin},
          {"data.rescale_factor", format_number(c.rescale_factor), origin}};
}

// auto and none stay what they are.
std::string scaled(const std::string& text, double factor) {
  std::optional<Extent> size = parse_extent(text);
  if (!size) return text;
  const auto scale = [&](int side) { return static_cast<int>(std::lround(side * factor)); };
  if (size->width > 0) size->width = std::max(1, scale(size->width));
  size->height = std::max(1, scale(size->height));
  return extent_text(*size);
}

void scale_to(const ConfigEntry* image_size, TransformConfig& c) {
  int wanted = 0;
  if (image_size == nullptr) return;
  const std::string& text = image_size->text;
  std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (wanted < 1) return;  // the reader of the tree will say so
  const double factor = static_cast<double>(wanted) / c.image_size;
  c.eval_resize = scaled(c.eval_resize, factor);
  c.eval_crop = scaled(c.eval_crop, factor);
}

std::string numbers_text(const TransformConfig& c) {
  return str(describe_eval(c), ", mean ", list_text(c.mean), ", std ", list_text(c.std),
             c.rescale_factor == 1.0 / 255 ? "" : ", times " + format_number(c.rescale_factor));
}

std::string folder_of(const std::string& model) {
  if (fs::is_directory(model)) return model;
  const fs::path parent = fs::path(model).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

std::string add_processor(ConfigTree& tree, const std::string& model) {
  TransformConfig c;
  const std::string folder = folder_of(model);
  const std::string file = (fs::path(folder) / "preprocessor_config.json").string();
  std::vector<std::string> given;
  for (const ConfigEntry& entry : entries_of(c, "")) {
    if (const ConfigEntry* found = tree.find(entry.key))
      given.push_back(str(found->key, " = ", found->text, " (", found->origin, ")"));
  }
  if (given.size() == entries_of(c, "").size()) return "";
  const bool there = read_processor(folder, c);
  scale_to(tree.find("data.image_size"), c);
  if (there) tree.add_defaults(entries_of(c, file));
  const std::string instead = given.empty() ? "" : "; instead of that " + join(given, ", ");
  if (there) return str("images as '", file, "' says: ", numbers_text(c), instead);
  return str("no '", file, "': images by default ", numbers_text(c), instead);
}

}  // namespace vicinity
