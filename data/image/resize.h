// Resizing exactly as Pillow does it: antialiased, separable, fixed point.
#pragma once

#include "data/image/image.h"

namespace vicinity {

enum class Interpolation { bilinear, bicubic };

/// The box, cut out first (the filter sees nothing outside it), then resized to width x height:
/// horizontally, then vertically, with an 8-bit result in between and 22-bit weights; a pass whose
/// size does not change is skipped. Equal to Pillow's Image.crop(box).resize(..., BILINEAR |
/// BICUBIC) to the bit. The box must lie inside the image.
Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation);
/// The same, left and right exchanged if `mirrored`, into memory that is used again: fresh pages
/// cost as much as the work.
void resize(const Image& image, const Box& box, int width, int height, Interpolation interpolation,
            bool mirrored, Image& out);

/// Pixels of a row in the other order.
void mirror_pixels(uint8_t* row, int width);

}  // namespace vicinity
