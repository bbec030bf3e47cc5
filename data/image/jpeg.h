#pragma once

#include <span>
#include <string>

#include "data/image/image.h"

namespace vicinity {

/// A JPEG as RGB, to the bit as libjpeg-turbo's accurate integer transform and smooth upsampling
/// give it (Pillow's too). DataError names `name` for damaged or missing data; bytes between two
/// segments are no damage.
Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace vicinity
