#include "train/cli/preview_mixing.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/text.h"

namespace vicinity {
namespace {

Tensor bytes_of(const std::vector<SheetEntry*>& leaf) {
  const Image& first = leaf[0]->image;
  Tensor bytes =
      empty({static_cast<int64_t>(leaf.size()), first.height, first.width, 3}, DType::u8);
  uint8_t* to = bytes.data<uint8_t>();
  for (const SheetEntry* entry : leaf) {
    std::memcpy(to, entry->image.rgb.data(), entry->image.rgb.size());
    to += entry->image.rgb.size();
  }
  return bytes;
}

}  // namespace

void mix_previews(const std::vector<SheetEntry*>& leaf, const RunConfig& config, int64_t epoch) {
  const Mixing mixing(config.train.mixing, 1);
  if (!mixing.mixes() && config.train.mixing.erase == 0) return;
  const LeafBatch batch{.images = bytes_of(leaf)};
  const Pass pass{.training = true, .seed = config.seed, .step = epoch};
  const Normalization n = normalization_of(config.data.transform);
  const Tensor seen =
      normalize_images(batch.images, n.mean, n.std, DType::f32, mixing.changes(batch, pass));
  const float* from = seen.data<float>();
  for (SheetEntry* entry : leaf) {
    std::vector<uint8_t>& rgb = entry->image.rgb;
    for (size_t i = 0; i < rgb.size(); ++i) {
      const float byte = 255 * (*from++ * n.std[i % 3] + n.mean[i % 3]);
      rgb[i] = static_cast<uint8_t>(std::lround(std::clamp(byte, 0.0f, 255.0f)));
    }
  }
  if (!mixing.mixes()) return;
  const double weight = static_cast<double>(mixing.weights(batch, pass).data<float>()[0]);
  for (SheetEntry* entry : leaf) entry->guess += str(" own ", format_fixed(weight, 2));
}

}  // namespace vicinity
