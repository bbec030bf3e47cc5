#include "train/mixing.h"

#include <algorithm>
#include <cmath>

#include "core/base/random.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

constexpr uint32_t kBoxes = 1;  // b of the streams of Purpose::erasing: 0 is the noise itself
constexpr double kLeastErased = 0.02, kMostErased = 1.0 / 3, kLeastAspect = 0.3;
constexpr int kTries = 10;

// Of the image at `position` in the whole batch of a step.
uint64_t stream_of(int64_t step, int64_t position) {
  return static_cast<uint64_t>(step) << 32 | static_cast<uint64_t>(position);
}

int below(Random& random, int n) {
  return static_cast<int>(random.below(static_cast<uint64_t>(n)));
}

int height_of(const LeafBatch& leaf) { return static_cast<int>(leaf.images.dim(1)); }
int width_of(const LeafBatch& leaf) { return static_cast<int>(leaf.images.dim(2)); }

// As normalize_images wants it: top, left, bottom, right.
template <class Number>
Number* put(const Box& box, Number* to) {
  for (const int side : {box.top, box.left, box.top + box.height, box.left + box.width})
    *to++ = static_cast<Number>(side);
  return to;
}

}  // namespace

std::string describe(const MixingConfig& config, int64_t micro_batch) {
  std::string text;
  const auto add = [&](const char* before, const std::string& part) {
    text += (text.empty() ? "" : before) + part;
  };
  if (config.mixup > 0) add(", ", str("mixup ", config.mixup));
  if (config.cutmix > 0) add(" or ", str("cutmix ", config.cutmix));
  if (!text.empty() && config.mix_prob < 1) add(" ", str("with probability ", config.mix_prob));
  if (!text.empty() && config.mix_off_epoch > 0)
    add(" ", str("up to epoch ", config.mix_off_epoch));
  if (!text.empty() && micro_batch == 1)
    add(" ", "(without effect: a leaf is one image, train.micro_batch=1)");
  if (config.erase > 0) add(", ", str("erase ", config.erase));
  return text;
}

LeafMix cutmix_of(double share, int y, int x, int height, int width) {
  const double ratio = std::sqrt(1 - share);
  const int half_height = static_cast<int>(height * ratio) / 2,
            half_width = static_cast<int>(width * ratio) / 2;
  const int top = std::max(y - half_height, 0), left = std::max(x - half_width, 0);
  LeafMix mix;
  mix.box = {.left = left,
             .top = top,
             .width = std::min(x + half_width, width) - left,
             .height = std::min(y + half_height, height) - top};
  mix.weight = 1 - static_cast<double>(mix.box.width) * mix.box.height /
                       (static_cast<double>(height) * width);
  return mix;
}

LeafMix draw_mix(const MixingConfig& config, uint64_t seed, int64_t step, int64_t first, int height,
                 int width) {
  Random random(seed, Purpose::mixing, stream_of(step, first));
  if (!random.chance(config.mix_prob)) return {};
  bool cut = config.cutmix > 0;
  if (cut && config.mixup > 0) cut = random.chance(config.mix_switch);
  const double alpha = cut ? config.cutmix : config.mixup;
  const double share = random.beta(alpha, alpha);
  if (cut) {
    const int y = below(random, height), x = below(random, width);
    return cutmix_of(share, y, x, height, width);
  }
  return {
      .weight = share, .own = static_cast<float>(share), .partner = static_cast<float>(1 - share)};
}

Extent erase_sides(double area, double aspect) {
  return {.width = static_cast<int>(std::llrint(std::sqrt(area / aspect))),
          .height = static_cast<int>(std::llrint(std::sqrt(area * aspect)))};
}

Box draw_erase_box(double probability, uint64_t seed, int64_t step, int64_t image, int height,
                   int width) {
  Random random(seed, Purpose::erasing, stream_of(step, image), kBoxes);
  if (!random.chance(probability)) return {};
  const double area = static_cast<double>(height) * width;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const double wanted = area * random.uniform(kLeastErased, kMostErased);
    const double aspect =
        std::exp(random.uniform(std::log(kLeastAspect), std::log(1 / kLeastAspect)));
    const Extent sides = erase_sides(wanted, aspect);
    if (sides.height >= height || sides.width >= width) continue;
    const int top = below(random, height - sides.height + 1),
              left = below(random, width - sides.width + 1);
    return {.left = left, .top = top, .width = sides.width, .height = sides.height};
  }
  return {};
}

LeafMix Mixing::mix_at(int64_t step, uint64_t seed, int64_t first, int height, int width) const {
  if (off_step_ > 0 && step >= off_step_) return {};
  return draw_mix(config_, seed, step, first, height, width);
}

ImageChanges Mixing::changes(const LeafBatch& leaf, const Pass& pass) const {
  ImageChanges changes{.seed = pass.seed};
  const int64_t first = leaf.first, count = leaf.images.dim(0);
  const int height = height_of(leaf), width = width_of(leaf);
  const Device device = leaf.images.device();
  const uint64_t seed = pass.seed;
  if (mixes()) {
    const auto fill = [=, mixing = *this](Tensor& host, int64_t step) {
      const LeafMix mix = mixing.mix_at(step, seed, first, height, width);
      float* to = host.data<float>();
      to[0] = mix.own;
      to[1] = mix.partner;
      put(mix.box, to + 2);
    };
    changes.mix = step_values({6}, DType::f32, device, pass.step, fill);
  }
  if (config_.erase > 0) {
    const auto fill = [=, erase = config_.erase](Tensor& host, int64_t step) {
      int32_t* to = host.data<int32_t>();
      for (int64_t image = first; image < first + count; ++image) {
        to = put(draw_erase_box(erase, seed, step, image, height, width), to);
        const uint64_t stream = stream_of(step, image);
        *to++ = static_cast<int32_t>(static_cast<uint32_t>(stream));
        *to++ = static_cast<int32_t>(static_cast<uint32_t>(stream >> 32));
      }
    };
    changes.erase = step_values({count, 6}, DType::i32, device, pass.step, fill);
  }
  return changes;
}

Tensor Mixing::weights(const LeafBatch& leaf, const Pass& pass) const {
  const auto fill = [mixing = *this, seed = pass.seed, first = leaf.first, height = height_of(leaf),
                     width = width_of(leaf)](Tensor& host, int64_t step) {
    const LeafMix mix = mixing.mix_at(step, seed, first, height, width);
    std::fill_n(host.data<float>(), host.size(), static_cast<float>(mix.weight));
  };
  return step_values({leaf.images.dim(0)}, DType::f32, leaf.images.device(), pass.step, fill);
}

}  // namespace vicinity
