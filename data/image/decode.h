// JPEG, PNG and WebP to RGB.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/image/image.h"

namespace vicinity {

enum class ImageFormat { jpeg, png, webp, other };
/// From the first bytes.
ImageFormat format_of(std::span<const uint8_t> bytes);

/// 268 megapixels: beyond it a header is more likely a lie.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

/// Decodes by content, whatever the file is called. Alpha is dropped, 16 bits are cut to 8 (>> 8),
/// grey and palettes are expanded, CMYK is converted as Pillow does; EXIF orientation is not
/// applied. DataError names `name` and says what is wrong: empty, not an image, a format that is
/// not read, truncated, a broken checksum, more pixels than fit the memory.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);
/// The part that `choose` asks for, to the bit as in decode_image, into memory that is used again.
/// Of a JPEG little more than that part is computed: rows below it are not even read, so damage
/// there goes unseen. `smallest` above 0 lets a JPEG come reduced (decode_jpeg_part).
void decode_part(std::span<const uint8_t> bytes, const std::string& name, const ChooseBox& choose,
                 Part& part, int smallest = 0);

}  // namespace vicinity
