// Many views of one picture for self-distillation: large parts of it that teacher and student see,
// small ones that the student alone sees (Caron et al. 2020, arXiv:2006.09882, sec. 3.3; Oquab et
// al. 2023, arXiv:2304.07193).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "data/image/image.h"
#include "data/transforms/augment.h"
#include "data/transforms/eval_shape.h"

namespace vicinity {

/// What one kind of view is made of; the defaults are those of DINOv2's first global view.
struct ViewStyle {
  int size = 224;                           // pixels, of a square
  std::array<double, 2> scale = {0.32, 1};  // range of the part's area, share of the picture's
  std::array<double, 2> ratio = {0.75, 4.0 / 3.0};
  double flip = 0.5;
  std::array<double, 4> jitter = {0.4, 0.4, 0.2, 0.1};
  double jitter_prob = 0.8, grey = 0.2;
  double blur = 0, solarize = 0;  // probabilities
};

/// Two large views that differ in their augmentation, and `locals` small ones. The program of
/// DINOv2 writes blur probabilities of 1, 0.1 and 0.5 and, through an inverted argument, applies 0,
/// 0.9 and 0.5 (facebookresearch/dinov2, pull request 411); the published weights were trained so,
/// and these are what is applied. Small views of 98 pixels are 7 patches of 14.
struct MultiCrop {
  int locals = 8;
  ViewStyle first{};
  ViewStyle second{.blur = 0.9, .solarize = 0.2};
  ViewStyle local{.size = 98, .scale = {0.05, 0.32}, .blur = 0.5};

  int views() const { return 2 + locals; }
  /// View 0 and 1 are the large ones.
  const ViewStyle& style(int view) const { return view == 0 ? first : view == 1 ? second : local; }
};

/// The numbers that were drawn for one view.
struct ViewDraw {
  Box box;
  bool mirrored = false;
  bool jitters = false;
  JitterDraw jitter;
  bool grey = false;
  double deviation = 0;  // of the blur, pixels; 0: none
  bool solarized = false;
};

/// The stream of one view of one picture: (seed, index, visit), visit being the how-manieth time
/// that training meets the picture (Draw::augmentation), and the view's number, below 64.
Random random_of_view(uint64_t seed, int64_t index, uint32_t visit, int view);

ViewDraw draw_view(const ViewStyle& style, int width, int height, Random random);
/// In this order: part and flip (one pass with the bicubic resize), colour jitter, grey, blur (9 x
/// 9 pixels, deviation 0.1 to 2), solarize from 128 on. Equal to torchvision's and Pillow's to the
/// bit for the same numbers, the blur to within a level (window_blur.h).
Image make_view(const Image& picture, const ViewStyle& style, const ViewDraw& draw);

/// All views of a picture, in their order: a pure function of the picture and the numbers.
std::vector<Image> multi_crop(const Image& picture, const MultiCrop& crops, uint64_t seed,
                              int64_t index, uint32_t visit);

/// "2 views of 224 pixels and 8 of 98, as DINOv2's".
std::string describe(const MultiCrop& crops);

/// Whether data.augment asks for views; a sample is then no single picture.
bool makes_views(const AugmentConfig& config);
/// ConfigError where it does: what trains here sees one view of a picture.
void check_single_view(const AugmentConfig& config);

}  // namespace vicinity
