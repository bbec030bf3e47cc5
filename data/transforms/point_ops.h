// Operations that give each byte of a picture a value of its own, whatever its neighbours are. All
// work in place and equal Pillow's ImageOps and ImageEnhance to the bit.
#pragma once

#include <array>

#include "data/image/image.h"

namespace vicinity {

/// What each of the 256 values becomes.
using ByteTable = std::array<uint8_t, 256>;

/// v -> 255 - v.
void invert(Image& image);
/// Keeps the upper `bits` of 8; 0 leaves black.
void posterize(Image& image, int bits);
/// v -> 255 - v where v >= threshold; from 256 on nothing changes.
void solarize(Image& image, int threshold);
/// v -> min(255, v + add) where v < 128, 0 <= add <= 255.
void solarize_add(Image& image, int add);
/// Each channel stretched so that its least value becomes 0 and its greatest 255; a channel of one
/// value stays.
void autocontrast(Image& image);
/// Each channel mapped so that its histogram becomes as flat as a map of values can make it.
void equalize(Image& image);
/// v -> factor v, cut to 0..255 and rounded down: a blend with black.
void adjust_brightness(Image& image, double factor);
/// v -> mean + factor (v - mean), as above; the mean is that of the grey picture, rounded.
void adjust_contrast(Image& image, double factor);

/// One byte of Pillow's Image.blend(a, b, factor) in single precision: a + factor (b - a), cut to
/// 0..255, rounded down.
uint8_t blend_byte(int a, int b, float factor);
/// ITU-R 601 grey of a pixel, (19595 r + 38470 g + 7471 b + 2^15) / 2^16.
inline int grey_of(const uint8_t* pixel) {
  return (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 0x8000) >> 16;
}

}  // namespace vicinity
