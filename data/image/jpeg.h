#pragma once

#include <span>
#include <string>

#include "data/image/image.h"

namespace vicinity {

/// A part of a JPEG as RGB, to the bit as libjpeg-turbo's accurate integer transform and smooth
/// upsampling give it (Pillow's too). Columns and rows outside are not transformed, rows below are
/// not read. DataError names `name` for damaged or missing data; bytes between two segments are no
/// damage. `smallest` above 0: the picture is decoded at 1/2, 1/4 or 1/8 of its size as long as no
/// side of the box becomes shorter than that; the box's edges are then rounded to those pixels.
void decode_jpeg_part(std::span<const uint8_t> bytes, const std::string& name,
                      const ChooseBox& choose, Part& part, int smallest = 0);

}  // namespace vicinity
