#include "train/cli/preview_mixing.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"

namespace vicinity {
namespace {

Tensor bytes_of(const std::vector<SheetEntry*>& leaf, int channels) {
  const Image& first = leaf[0]->image;
  Tensor bytes =
      empty({static_cast<int64_t>(leaf.size()), first.height, first.width, channels}, DType::u8);
  const size_t each = bytes.bytes() / leaf.size();
  for (size_t i = 0; i < leaf.size(); ++i)
    copy_pixels(leaf[i]->image, channels, bytes.data<uint8_t>() + i * each);
  return bytes;
}

}  // namespace

void mix_previews(const std::vector<SheetEntry*>& leaf, const RunConfig& config, int64_t epoch) {
  const Mixing mixing(config.train.mixing, 1);
  if (!mixing.mixes() && config.train.mixing.erase == 0) return;
  const int channels = config.data.transform.channels();
  const LeafBatch batch{.images = bytes_of(leaf, channels)};
  const Pass pass{.training = true, .seed = config.seed, .step = epoch};
  const Normalization n = normalization_of(config.data.transform);
  const Tensor seen =
      normalize_images(batch.images, n.mean, n.std, DType::f32, mixing.changes(batch, pass));
  const float* from = seen.data<float>();
  for (SheetEntry* entry : leaf) {
    std::vector<uint8_t>& rgb = entry->image.rgb;
    for (size_t i = 0; i < rgb.size(); ++i) {
      const size_t channel = i % n.mean.size();
      const float byte = 255 * (*from * n.std[channel] + n.mean[channel]);
      if (channels == 3 || i % 3 == 2) ++from;
      rgb[i] = static_cast<uint8_t>(std::lround(std::clamp(byte, 0.0f, 255.0f)));
    }
  }
  if (!mixing.mixes()) return;
  const double weight = static_cast<double>(mixing.weights(batch, pass).data<float>()[0]);
  for (SheetEntry* entry : leaf) entry->guess += str(" own ", format_fixed(weight, 2));
}

}  // namespace vicinity
