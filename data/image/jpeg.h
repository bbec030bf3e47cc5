#pragma once

#include <span>
#include <string>

#include "data/image/image.h"

namespace vicinity {

/// A part of a JPEG as RGB, to the bit as libjpeg-turbo's accurate integer transform and smooth
/// upsampling give it (Pillow's too). Columns and rows outside are not transformed, rows below are
/// not read. DataError names `name` for damaged or missing data; bytes between two segments are no
/// damage.
void decode_jpeg_part(std::span<const uint8_t> bytes, const std::string& name,
                      const ChooseBox& choose, Part& part);

}  // namespace vicinity
