// EXIF orientation: how a camera was held.
#pragma once

#include <span>
#include <string>

#include "data/image/image.h"

namespace vicinity {

/// The EXIF tag Orientation (1 to 8) of a JPEG, PNG or WebP; 1, upright, where there is none or it
/// makes no sense. Reads no pixels.
int exif_orientation(std::span<const uint8_t> bytes);

/// decode_part of the picture as it was meant to be seen: mirrored and turned as its EXIF
/// orientation says, before `choose` sees its size. Equal to Pillow's ImageOps.exif_transpose.
void decode_upright_part(std::span<const uint8_t> bytes, const std::string& name,
                         const ChooseBox& choose, Part& part, int smallest = 0);

}  // namespace vicinity
