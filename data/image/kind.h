#pragma once

#include <span>

#include "data/image/decode.h"

namespace vicinity {

/// How an image file stores its pixels, as far as its header tells.
struct ImageKind {
  ImageFormat format = ImageFormat::other;
  bool grey = false;
  bool alpha = false;  // PNG: also a transparent palette or colour
  bool cmyk = false;   // JPEG of four inks
  bool wide = false;   // 16 bits a channel
};

/// Reads no pixels. What is damaged has no properties.
ImageKind kind_of_image(std::span<const uint8_t> bytes);

}  // namespace vicinity
