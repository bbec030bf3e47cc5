// The operations of AutoAugment and RandAugment by timm's names, and what a magnitude means to
// each.
#pragma once

#include <string>

#include "data/transforms/affine.h"

namespace vicinity {

enum class AugmentOp {
  auto_contrast,
  equalize,
  invert,
  rotate,
  posterize,
  posterize_increasing,
  posterize_original,
  solarize,
  solarize_increasing,
  solarize_add,
  color,
  color_increasing,
  contrast,
  contrast_increasing,
  brightness,
  brightness_increasing,
  sharpness,
  sharpness_increasing,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  desaturate,
  gaussian_blur,
  gaussian_blur_random,
};

/// "AutoContrast", "TranslateXRel", ...
const std::string& name_of(AugmentOp op);

/// Whether it turns or moves the picture.
bool is_affine(AugmentOp op);
/// Whether its argument may have either sign.
bool has_direction(AugmentOp op);

/// The argument of `op` at magnitude m (0 to 10, or more where the text of the policy allows it),
/// of the other sign if `negative` and has_direction(op):
///   Rotate 3 m degrees; ShearX, ShearY 0.03 m; TranslateXRel, TranslateYRel 0.045 m of the side
///   Posterize int(0.4 m) bits kept, Increasing 4 - int(0.4 m), Original 4 + int(0.4 m)
///   Solarize from min(256, int(25.6 m)) on, Increasing 256 - that; SolarizeAdd min(128, int(11 m))
///   Color, Contrast, Brightness, Sharpness 0.1 + 0.18 m; Increasing max(0.1, 1 +- 0.09 m)
///   Desaturate min(1, 0.5 + 0.05 m) of the colour; GaussianBlur 0.1 + 0.19 m pixels, at most 2
///   GaussianBlurRand min(1, 0.1 m), the share of 2 pixels up to which a radius is drawn
/// AutoContrast, Equalize, Invert have none (0).
double argument_of(AugmentOp op, double magnitude, bool negative);

/// The operation with its argument, which for GaussianBlurRand is the radius.
void apply_op(AugmentOp op, double argument, Interpolation interpolation, const Color& fill,
              Image& image);

}  // namespace vicinity
