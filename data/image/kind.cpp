#include "data/image/kind.h"

#include <webp/decode.h>

#include <cstring>

namespace vicinity {
namespace {

using Bytes = std::span<const uint8_t>;

uint32_t big_endian(Bytes bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[at + static_cast<size_t>(i)];
  return value;
}

// Start of frame: 0xc0 to 0xcf but for the tables of Huffman and arithmetic coding.
bool is_frame(uint32_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

void look_at_jpeg(Bytes bytes, ImageKind& kind) {
  for (size_t at = 2; at + 10 <= bytes.size() && bytes[at] == 0xff;) {
    const uint32_t marker = bytes[at + 1];
    if (is_frame(marker)) {
      kind.grey = bytes[at + 9] == 1;
      kind.cmyk = bytes[at + 9] == 4;
      return;
    }
    at += marker == 0xff ? 1 : 2 + big_endian(bytes, at + 2, 2);  // 0xff may be repeated
  }
}

void look_at_png(Bytes bytes, ImageKind& kind) {
  constexpr uint8_t kColour = 2, kAlpha = 4;
  if (bytes.size() < 33) return;
  const uint8_t type = bytes[25];
  kind.wide = bytes[24] == 16;
  kind.grey = (type & kColour) == 0;
  kind.alpha = (type & kAlpha) != 0;
  for (size_t at = 8; at + 12 <= bytes.size();) {
    if (std::memcmp(&bytes[at + 4], "tRNS", 4) == 0) kind.alpha = true;
    if (std::memcmp(&bytes[at + 4], "IDAT", 4) == 0) return;
    at += 12 + size_t{big_endian(bytes, at, 4)};
  }
}

void look_at_webp(Bytes bytes, ImageKind& kind) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data(), bytes.size(), &features) == VP8_STATUS_OK)
    kind.alpha = features.has_alpha != 0;
}

}  // namespace

ImageKind kind_of_image(std::span<const uint8_t> bytes) {
  ImageKind kind;
  kind.format = format_of(bytes);
  if (kind.format == ImageFormat::jpeg) look_at_jpeg(bytes, kind);
  if (kind.format == ImageFormat::png) look_at_png(bytes, kind);
  if (kind.format == ImageFormat::webp) look_at_webp(bytes, kind);
  return kind;
}

}  // namespace vicinity
