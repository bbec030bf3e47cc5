#include "models/model_config.h"

#include <algorithm>

#include "core/base/error.h"

namespace vicinity {

void ModelConfig::check(Problems& problems) const {
  if (family == "dinov2") {
    dinov2.check(problems);
  } else {
    dinat.check(problems);
  }
}

std::vector<int> ModelConfig::feature_stages() const {
  if (backbone.stages.empty()) return {stages()};
  std::vector<int> ordered = backbone.stages;
  std::sort(ordered.begin(), ordered.end());
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
  return ordered;
}

std::string stage_name(int stage) { return stage == 0 ? "stem" : str("stage", stage); }

std::vector<PaddedLevel> padded_levels(const ModelConfig& config, int64_t image_size) {
  std::vector<PaddedLevel> padded;
  if (config.family != "dinat") return padded;
  const DinatConfig& c = config.dinat;
  for (int level = 0; level < c.levels(); ++level) {
    const auto& list = c.dilations[static_cast<size_t>(level)];
    const int64_t most = *std::max_element(list.begin(), list.end()),
                  map = map_size(image_size, level);
    if (map < most * c.kernel_size) padded.push_back({level, map, c.kernel_size, most});
  }
  return padded;
}

std::string nearest_valid_schedule(const ModelConfig& config, int64_t image_size) {
  const DinatConfig& c = config.dinat;
  int64_t kernel = c.kernel_size;
  for (int level = 0; level < c.levels(); ++level)
    kernel = std::min(kernel, map_size(image_size, level));
  if (kernel % 2 == 0) --kernel;
  if (kernel < 3) {
    const int64_t enough = (int64_t{2} << (c.levels() + 1)) + 1;  // halved so often, 3
    return str("none: data.image_size ", image_size,
               " leaves a map smaller than 3 x 3; use data.image_size=", enough,
               " or more, or fewer levels");
  }
  std::string text = kernel < c.kernel_size ? str("model.kernel_size=", kernel, " ") : "";
  text += "model.dilations=[";
  for (int level = 0; level < c.levels(); ++level) {
    text += level > 0 ? ",[" : "[";
    const auto& list = c.dilations[static_cast<size_t>(level)];
    for (size_t i = 0; i < list.size(); ++i) {
      text +=
          str(i > 0 ? "," : "", std::min<int64_t>(list[i], map_size(image_size, level) / kernel));
    }
    text += "]";
  }
  return text + "]";
}

void check_image_size(const ModelConfig& config, int64_t image_size) {
  if (config.family != "dinov2") return;
  const int64_t patch = config.dinov2.patch_size, below = image_size / patch * patch;
  VIC_CHECK(ConfigError, image_size % patch == 0, "data.image_size = ", image_size,
            " is not a multiple of model.patch_size = ", patch, "; use ",
            below > 0 ? str(below, " or ") : "", below + patch);
}

}  // namespace vicinity
