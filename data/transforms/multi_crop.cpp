#include "data/transforms/multi_crop.h"

#include "core/base/error.h"
#include "data/image/resize.h"
#include "data/transforms/pipeline.h"
#include "data/transforms/pixel_ops.h"
#include "data/transforms/point_ops.h"
#include "data/transforms/window_blur.h"

namespace vicinity {
namespace {

constexpr uint32_t kMostViews = 64;
constexpr int kBlurSide = 9;
constexpr double kLeastDeviation = 0.1, kMostDeviation = 2.0;
constexpr int kSolarizeFrom = 128;

Box box_of(const ViewStyle& style, int width, int height, Random& random) {
  TransformConfig config;
  config.crop_scale = {style.scale[0], style.scale[1]};
  config.crop_ratio = {style.ratio[0], style.ratio[1]};
  return random_resized_box(width, height, config, random);
}

}  // namespace

Random random_of_view(uint64_t seed, int64_t index, uint32_t visit, int view) {
  VIC_ASSERT(view >= 0 && static_cast<uint32_t>(view) < kMostViews, "view ", view);
  return {seed, Purpose::multi_crop, static_cast<uint64_t>(index),
          visit * kMostViews + static_cast<uint32_t>(view)};
}

ViewDraw draw_view(const ViewStyle& style, int width, int height, Random random) {
  ViewDraw draw;
  draw.box = box_of(style, width, height, random);
  draw.mirrored = random.chance(style.flip);
  draw.jitters = random.chance(style.jitter_prob);
  draw.jitter = draw_jitter(style.jitter, random);
  draw.grey = random.chance(style.grey);
  const double deviation = random.uniform(kLeastDeviation, kMostDeviation);
  draw.deviation = random.chance(style.blur) ? deviation : 0;
  draw.solarized = random.chance(style.solarize);
  return draw;
}

Image make_view(const Image& picture, const ViewStyle& style, const ViewDraw& draw) {
  Image view;
  resize(picture, draw.box, style.size, style.size, Interpolation::bicubic, draw.mirrored, view);
  if (draw.jitters) apply_jitter(style.jitter, draw.jitter, view);
  if (draw.grey) to_grey(view);
  if (draw.deviation > 0) window_blur(view, kBlurSide, draw.deviation);
  if (draw.solarized) solarize(view, kSolarizeFrom);
  return view;
}

std::vector<Image> multi_crop(const Image& picture, const MultiCrop& crops, uint64_t seed,
                              int64_t index, uint32_t visit) {
  std::vector<Image> views;
  for (int i = 0; i < crops.views(); ++i) {
    const ViewStyle& style = crops.style(i);
    const Random random = random_of_view(seed, index, visit, i);
    views.push_back(
        make_view(picture, style, draw_view(style, picture.width, picture.height, random)));
  }
  return views;
}

std::string describe(const MultiCrop& crops) {
  return str("2 views of ", crops.first.size, " pixels and ", crops.locals, " of ",
             crops.local.size, ", as DINOv2's");
}

bool makes_views(const AugmentConfig& config) { return config.augment == kManyViews; }

void check_single_view(const AugmentConfig& config) {
  VIC_CHECK(ConfigError, !makes_views(config), "data.augment=", kManyViews, " makes ",
            MultiCrop{}.views(),
            " views of each picture, which is for self-distillation; what this version trains, a "
            "classifier, sees one. Choose another data.augment (rand-m9-mstd0.5-inc1, 3a, none); "
            "vicinity data preview draws the views");
}

}  // namespace vicinity
