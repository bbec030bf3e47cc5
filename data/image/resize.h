// Resizing exactly as Pillow does it: antialiased, separable, fixed point.
#pragma once

#include <string>
#include <vector>

#include "data/image/image.h"

namespace vicinity {

/// Pillow's filters, with Pillow's numbers.
enum class Interpolation { nearest, lanczos, bilinear, bicubic, box, hamming };
/// Their names, in the order of the numbers.
const std::vector<std::string>& interpolation_names();
/// ConfigError for a name that is none of them.
Interpolation interpolation_of(const std::string& name);

/// The box, cut out first (the filter sees nothing outside it), then resized to width x height:
/// horizontally, then vertically, with an 8-bit result in between and 22-bit weights; a pass whose
/// size does not change is skipped. `nearest` takes the pixel below each centre. Equal to Pillow's
/// Image.crop(box).resize(...) to the bit. The box must lie inside the image.
Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation);
/// The same, left and right exchanged if `mirrored`, into memory that is used again: fresh pages
/// cost as much as the work.
void resize(const Image& image, const Box& box, int width, int height, Interpolation interpolation,
            bool mirrored, Image& out);
/// A window of the whole image's resize to width x height, which must hold it. No more than the
/// window is computed.
Image resize_window(const Image& image, int width, int height, const Box& window,
                    Interpolation interpolation);

/// Pixels of a row in the other order.
void mirror_pixels(uint8_t* row, int width);

}  // namespace vicinity
