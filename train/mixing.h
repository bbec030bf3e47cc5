// What training does to the images of a leaf once they are on the device: Mixup or CutMix with the
// leaf turned back to front, then random erasing. Draws are a function of (seed, step, first image
// of the leaf) and of (seed, step, image): not of ranks, threads, other leaves or resuming.
#pragma once

#include <string>

#include "core/config/fields.h"
#include "core/ops/normalize_images.h"
#include "data/transforms/eval_shape.h"
#include "models/pass.h"
#include "train/batch.h"

namespace vicinity {

/// train.mixup ... train.erase, named as timm's options are where that is not ambiguous.
struct MixingConfig {
  double mixup = 0;
  double cutmix = 0;
  double mix_prob = 1;
  double mix_switch = 0.5;
  int64_t mix_off_epoch = 0;
  double erase = 0;

  template <class V>
  void fields(V& v) {
    v("mixup", mixup, "Mixup: alpha of the Beta(alpha, alpha) of its share; 0: none. Often 0.8",
      at_least(0));
    v("cutmix", cutmix, "CutMix: alpha, as for mixup; 0: none. Often 1", at_least(0));
    v("mix_prob", mix_prob, "probability that a leaf is mixed", between(0, 1));
    v("mix_switch", mix_switch, "with both: probability of CutMix instead of Mixup", between(0, 1));
    v("mix_off_epoch", mix_off_epoch, "epoch, counted from 0, that ends mixing; 0: never",
      at_least(0));
    v("erase", erase,
      "probability that a box of an image, already mixed and normalised, becomes noise. Often 0.25",
      between(0, 1));
  }
  bool mixes() const { return (mixup > 0 || cutmix > 0) && mix_prob > 0; }
};

/// "mixup 0.8 or cutmix 1, erase 0.25", and what keeps them from working in leaves of
/// `micro_batch` images; "" where there is none of them.
std::string describe(const MixingConfig& config, int64_t micro_batch);

/// How a leaf is mixed. An image and its partner make the image: `weight` of its own label and
/// 1 - weight of the partner's.
struct LeafMix {
  double weight = 1;
  float own = 1, partner = 0;  // shares of bytes outside the box
  Box box;                     // where the partner's bytes are
};

/// The mix of the leaf that begins with image `first` of step `step`, as timm's Mixup draws it for
/// a batch: mixed with mix_prob; CutMix with mix_switch, or the one that is configured; share ~
/// Beta(alpha, alpha).
LeafMix draw_mix(const MixingConfig& config, uint64_t seed, int64_t step, int64_t first, int height,
                 int width);
/// CutMix of `share`, whose box has its centre in row y, column x: sides of height and width times
/// sqrt(1 - share), rounded down; from centre - side / 2 to centre + side / 2, so one less than an
/// odd side, as the recipes were trained with (timm 0.5, the authors' code; timm 1.0 has the whole
/// side); cut off at the border. Its weight is 1 - the box's share of the area.
LeafMix cutmix_of(double share, int y, int x, int height, int width);

/// What image number `image` of step `step` loses: with `probability` a box of 2 to 33 % of the
/// area, height / width log-uniform in 0.3 to 1 / 0.3, smaller than the image in both; the first of
/// ten tries that fits, as timm's RandomErasing. Else an empty box.
Box draw_erase_box(double probability, uint64_t seed, int64_t step, int64_t image, int height,
                   int width);
/// The sides of a box of `area` pixels with `aspect` = height / width, rounded, halves to even.
Extent erase_sides(double area, double aspect);

/// MixingConfig at work.
class Mixing {
 public:
  Mixing() = default;
  Mixing(const MixingConfig& config, int64_t steps_per_epoch)
      : config_(config), off_step_(config.mix_off_epoch * steps_per_epoch) {}

  bool mixes() const { return config_.mixes(); }
  /// For normalize_images, on the device of the leaf.
  ImageChanges changes(const LeafBatch& leaf, const Pass& pass) const;
  /// f32 [B]: what each image keeps of its own label. Only with mixes().
  Tensor weights(const LeafBatch& leaf, const Pass& pass) const;

 private:
  LeafMix mix_at(int64_t step, uint64_t seed, int64_t first, int height, int width) const;

  MixingConfig config_;
  int64_t off_step_ = 0;  // 0: never
};

}  // namespace vicinity
