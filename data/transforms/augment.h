// What training does to a picture after crop and flip: automatic augmentation, colour jitter, grey,
// blur, solarize.
#pragma once

#include <array>
#include <string>

#include "core/config/fields.h"
#include "data/transforms/augment_policy.h"

namespace vicinity {

/// The value of data.augment that stands for the many views of self-distillation (multi_crop.h).
constexpr const char* kManyViews = "dinov2";

struct AugmentConfig {
  std::string augment = "none", color_jitter = "0";
  double color_jitter_prob = 1, grayscale = 0, blur = 0, solarize = 0;
  int repeats = 1;

  template <class V>
  void fields(V& v) {
    v("augment", augment,
      "automatic augmentation in timm's words: rand-m9-mstd0.5-inc1 (RandAugment), original, "
      "originalr, v0, v0r (AutoAugment), 3a (3-Augment), none; or dinov2: the ten views of "
      "self-distillation, for data preview alone");
    v("color_jitter", color_jitter,
      "0.4: how much training may change brightness, contrast and saturation; or a number for "
      "each, and perhaps a fourth up to 0.5 for hue: 0.4,0.4,0.2,0.1. As in timm without effect "
      "beside data.augment, 3a excepted");
    v("color_jitter_prob", color_jitter_prob, "probability of color_jitter", between(0, 1));
    v("grayscale", grayscale, "probability of a grey picture in training", between(0, 1));
    v("blur", blur,
      "probability of a Gaussian blur in training, Pillow's with a radius of 0.1 to 2 pixels",
      between(0, 1));
    v("solarize", solarize, "probability that training inverts values from 128 on", between(0, 1));
    v("repeats", repeats,
      "repeated augmentation: each picture so many times in a row, augmented anew; an epoch keeps "
      "its length and meets that much fewer pictures",
      at_least(1));
  }
  void check(Problems& problems) const;
};

/// Brightness, contrast, saturation, hue: how much each may change; zeros where jitter has no
/// effect, which with timm is beside an automatic augmentation other than 3-Augment.
std::array<double, 4> jitter_in_effect(const AugmentConfig& config);

/// The order of brightness, contrast, saturation and hue, drawn anew each time as torchvision's
/// ColorJitter does, and their factors; of hue the turn.
struct JitterDraw {
  std::array<int, 4> order{};
  std::array<double, 4> factors{};
};
JitterDraw draw_jitter(const std::array<double, 4>& jitter, Random& random);
/// Those whose `jitter` is above 0.
void apply_jitter(const std::array<double, 4>& jitter, const JitterDraw& draw, Image& image);

/// In this order: data.augment, colour jitter, grey, blur, solarize. Draws nothing for what is
/// switched off.
void augment(const AugmentConfig& config, const AffineStyle& style, Random& random, Image& image);

/// As a sentence for people: "rand-m9-mstd0.5-inc1, grey 0.2"; "none".
std::string describe_augment(const AugmentConfig& config);

}  // namespace vicinity
