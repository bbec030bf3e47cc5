#include "models/receptive_field.h"

#include <algorithm>

namespace vicinity {

bool LevelReach::fits() const {
  return std::all_of(blocks.begin(), blocks.end(), [this](const Block& b) { return fits(b); });
}

std::vector<LevelReach> reach_of(const ModelConfig& config, int64_t image_size) {
  std::vector<LevelReach> levels;
  if (config.family != "dinat") return levels;
  const DinatConfig& c = config.dinat;
  const int64_t kernel = c.kernel_size;
  int64_t reach = 1, stride = 1;
  const auto convolve = [&] {
    reach += 2 * stride;
    stride *= 2;
  };
  convolve();
  for (int level = 0; level < c.levels(); ++level) {
    convolve();  // the tokenizer's second, or the downsampler of the level before
    LevelReach at{.level = level, .map = map_size(image_size, level), .stride = stride};
    for (const int dilation : c.dilations[static_cast<size_t>(level)]) {
      reach += (kernel - 1) * dilation * stride;
      at.blocks.push_back({dilation, at.map / kernel, (kernel - 1) * dilation + 1});
    }
    at.reach = reach;
    levels.push_back(std::move(at));
  }
  return levels;
}

}  // namespace vicinity
