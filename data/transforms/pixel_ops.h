// Operations on pixels and their neighbours, in place, equal to Pillow's to the bit.
#pragma once

#include "data/image/image.h"

namespace vicinity {

/// Each pixel's grey in all three channels (ITU-R 601).
void to_grey(Image& image);
/// grey + factor (v - grey), cut to 0..255 and rounded down: 0 is grey, 1 changes nothing
/// (ImageEnhance.Color, torchvision's saturation).
void adjust_saturation(Image& image, double factor);
/// smooth + factor (v - smooth), as above, where smooth is (8 neighbours + 5 v) / 13 to nearest and
/// v on the border; sides below 3 pixels have no inside (ImageEnhance.Sharpness).
void adjust_sharpness(Image& image, double factor);
/// Turns the hue by `turns` of the colour circle, -0.5 to 0.5, through HSV of 8 bits each
/// (torchvision's adjust_hue of a PIL image).
void adjust_hue(Image& image, double turns);

}  // namespace vicinity
