// Affine transforms of a picture, as Pillow's Image.transform and Image.rotate.
#pragma once

#include <array>

#include "data/image/resize.h"

namespace vicinity {

/// Where an output pixel comes from: x_in = a x + b y + c, y_in = d x + e y + f, with pixel centres
/// at halves.
struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

/// Turns by so many degrees, anticlockwise, around the middle. Sine and cosine are rounded to 15
/// decimals as Pillow's are.
Affine rotation(int width, int height, double degrees);

using Color = std::array<uint8_t, 3>;

/// The picture seen through `map`, in its own size, `fill` where that lies outside. `bilinear` and
/// `bicubic` (a = -1 of Keys 1981, not the -0.5 of a resize) compute in double and round down, taps
/// beyond the border repeat it; `nearest` counts in 16-bit fixed point. To the bit as Pillow. Any
/// other filter is our mistake.
void transform_affine(Image& image, const Affine& map, Interpolation interpolation,
                      const Color& fill);

}  // namespace vicinity
