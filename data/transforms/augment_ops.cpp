#include "data/transforms/augment_ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "data/transforms/blur.h"
#include "data/transforms/pixel_ops.h"
#include "data/transforms/point_ops.h"

namespace vicinity {
namespace {

Affine map_of(AugmentOp op, double argument, const Image& image) {
  switch (op) {
    case AugmentOp::shear_x:
      return {.b = argument};
    case AugmentOp::shear_y:
      return {.d = argument};
    case AugmentOp::translate_x:
      return {.c = argument * image.width};
    case AugmentOp::translate_y:
      return {.f = argument * image.height};
    default:
      return rotation(image.width, image.height, argument);
  }
}

}  // namespace

const std::string& name_of(AugmentOp op) {
  static const std::vector<std::string> names = {"AutoContrast",
                                                 "Equalize",
                                                 "Invert",
                                                 "Rotate",
                                                 "Posterize",
                                                 "PosterizeIncreasing",
                                                 "PosterizeOriginal",
                                                 "Solarize",
                                                 "SolarizeIncreasing",
                                                 "SolarizeAdd",
                                                 "Color",
                                                 "ColorIncreasing",
                                                 "Contrast",
                                                 "ContrastIncreasing",
                                                 "Brightness",
                                                 "BrightnessIncreasing",
                                                 "Sharpness",
                                                 "SharpnessIncreasing",
                                                 "ShearX",
                                                 "ShearY",
                                                 "TranslateXRel",
                                                 "TranslateYRel",
                                                 "Desaturate",
                                                 "GaussianBlur",
                                                 "GaussianBlurRand"};
  return names[static_cast<size_t>(op)];
}

bool is_affine(AugmentOp op) {
  return op == AugmentOp::rotate || (AugmentOp::shear_x <= op && op <= AugmentOp::translate_y);
}

bool has_direction(AugmentOp op) {
  return is_affine(op) || op == AugmentOp::color_increasing ||
         op == AugmentOp::contrast_increasing || op == AugmentOp::brightness_increasing ||
         op == AugmentOp::sharpness_increasing;
}

double argument_of(AugmentOp op, double magnitude, bool negative) {
  const double level = magnitude / 10.0, sign = negative ? -1 : 1;
  switch (op) {
    case AugmentOp::auto_contrast:
    case AugmentOp::equalize:
    case AugmentOp::invert:
      return 0;
    case AugmentOp::rotate:
      return sign * (level * 30.0);
    case AugmentOp::posterize:
      return std::trunc(level * 4);
    case AugmentOp::posterize_increasing:
      return 4 - std::trunc(level * 4);
    case AugmentOp::posterize_original:
      return 4 + std::trunc(level * 4);
    case AugmentOp::solarize:
      return std::min(256.0, std::trunc(level * 256));
    case AugmentOp::solarize_increasing:
      return 256 - std::min(256.0, std::trunc(level * 256));
    case AugmentOp::solarize_add:
      return std::min(128.0, std::trunc(level * 110));
    case AugmentOp::color:
    case AugmentOp::contrast:
    case AugmentOp::brightness:
    case AugmentOp::sharpness:
      return level * 1.8 + 0.1;
    case AugmentOp::color_increasing:
    case AugmentOp::contrast_increasing:
    case AugmentOp::brightness_increasing:
    case AugmentOp::sharpness_increasing:
      return std::max(0.1, 1.0 + sign * (level * 0.9));
    case AugmentOp::shear_x:
    case AugmentOp::shear_y:
      return sign * (level * 0.3);
    case AugmentOp::translate_x:
    case AugmentOp::translate_y:
      return sign * (level * 0.45);
    case AugmentOp::desaturate:
      return std::clamp(0.5 + (1.0 - 0.5) * level, 0.5, 1.0);
    case AugmentOp::gaussian_blur:
      return std::clamp(0.1 + (2.0 - 0.1) * level, 0.1, 2.0);
    case AugmentOp::gaussian_blur_random:
      return std::clamp(level, 0.0, 1.0);
  }
  return 0;
}

void apply_op(AugmentOp op, double argument, Interpolation interpolation, const Color& fill,
              Image& image) {
  if (is_affine(op))
    return transform_affine(image, map_of(op, argument, image), interpolation, fill);
  switch (op) {
    case AugmentOp::auto_contrast:
      return autocontrast(image);
    case AugmentOp::equalize:
      return equalize(image);
    case AugmentOp::invert:
      return invert(image);
    case AugmentOp::posterize:
    case AugmentOp::posterize_increasing:
    case AugmentOp::posterize_original:
      return posterize(image, std::clamp(static_cast<int>(argument), 0, 8));
    case AugmentOp::solarize:
    case AugmentOp::solarize_increasing:
      return solarize(image, static_cast<int>(argument));
    case AugmentOp::solarize_add:
      return solarize_add(image, static_cast<int>(argument));
    case AugmentOp::color:
    case AugmentOp::color_increasing:
      return adjust_saturation(image, argument);
    case AugmentOp::desaturate:
      return adjust_saturation(image, 1.0 - argument);
    case AugmentOp::contrast:
    case AugmentOp::contrast_increasing:
      return adjust_contrast(image, argument);
    case AugmentOp::brightness:
    case AugmentOp::brightness_increasing:
      return adjust_brightness(image, argument);
    case AugmentOp::sharpness:
    case AugmentOp::sharpness_increasing:
      return adjust_sharpness(image, argument);
    default:
      return gaussian_blur(image, argument);
  }
}

}  // namespace vicinity
