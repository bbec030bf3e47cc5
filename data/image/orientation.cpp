#include "data/image/orientation.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "data/image/decode.h"

namespace vicinity {
namespace {

using Bytes = std::span<const uint8_t>;

// Numbers at places of a file; 0 behind its end.
class Numbers {
 public:
  Numbers(Bytes bytes, bool big_endian) : bytes_(bytes), big_(big_endian) {}

  uint64_t at(uint64_t place, int count) const {
    if (place > bytes_.size() || bytes_.size() - place < static_cast<uint64_t>(count)) return 0;
    uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
      const int from = big_ ? i : count - 1 - i;
      value = value << 8 | bytes_[place + static_cast<uint64_t>(from)];
    }
    return value;
  }

 private:
  Bytes bytes_;
  bool big_;
};

bool starts(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// At most `length` bytes from `place` on.
Bytes piece(Bytes bytes, uint64_t place, uint64_t length) {
  if (place > bytes.size()) return {};
  return bytes.subspan(place, std::min<uint64_t>(length, bytes.size() - place));
}

constexpr std::string_view kExif("Exif\0\0", 6);

// The first EXIF block of a JPEG: a segment before the pixels.
Bytes exif_of_jpeg(Bytes bytes) {
  const Numbers numbers(bytes, true);
  for (uint64_t at = 2; numbers.at(at, 1) == 0xff;) {
    const uint64_t marker = numbers.at(at + 1, 1), length = numbers.at(at + 2, 2);
    if (marker == 0xff) {  // may be repeated
      ++at;
      continue;
    }
    const Bytes body = piece(bytes, at + 4, length < 2 ? 0 : length - 2);
    if (marker == 0xe1 && starts(body, kExif)) return body.subspan(kExif.size());
    if (marker == 0xda || length < 2) break;
    at += 2 + length;
  }
  return {};
}

Bytes exif_of_png(Bytes bytes) {
  const Numbers numbers(bytes, true);
  for (uint64_t at = 8; at + 12 <= bytes.size(); at += 12 + numbers.at(at, 4)) {
    if (starts(bytes.subspan(at + 4), "eXIf")) return piece(bytes, at + 8, numbers.at(at, 4));
  }
  return {};
}

Bytes exif_of_webp(Bytes bytes) {
  const Numbers numbers(bytes, false);
  for (uint64_t at = 12; at + 8 <= bytes.size();) {
    const uint64_t length = numbers.at(at + 4, 4);
    const Bytes body = piece(bytes, at + 8, length);
    if (starts(bytes.subspan(at), "EXIF"))
      return starts(body, kExif) ? body.subspan(kExif.size()) : body;
    at += 8 + length + length % 2;
  }
  return {};
}

Bytes exif_of(Bytes bytes) {
  switch (format_of(bytes)) {
    case ImageFormat::jpeg:
      return exif_of_jpeg(bytes);
    case ImageFormat::png:
      return exif_of_png(bytes);
    case ImageFormat::webp:
      return exif_of_webp(bytes);
    case ImageFormat::other:
      break;
  }
  return {};
}

// How pixels of the upright picture are found in the stored one.
struct Turn {
  bool transposed, mirrored, upside_down;  // the last two of the stored columns and rows

  explicit Turn(int orientation)
      : transposed(orientation >= 5),
        mirrored(orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8),
        upside_down(orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {}

  Box stored(Box box, int width, int height) const {
    if (transposed) box = {box.top, box.left, box.height, box.width};
    if (mirrored) box.left = width - box.left - box.width;
    if (upside_down) box.top = height - box.top - box.height;
    return box;
  }

  Image upright(const Image& pixels, const Box& box) const {
    const int width = transposed ? box.height : box.width,
              height = transposed ? box.width : box.height;
    Image out(width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        int column = transposed ? y : x, row = transposed ? x : y;
        if (mirrored) column = box.width - 1 - column;
        if (upside_down) row = box.height - 1 - row;
        std::memcpy(out.row(y) + 3 * x, pixels.row(box.top + row) + 3 * (box.left + column), 3);
      }
    }
    return out;
  }
};

}  // namespace

int exif_orientation(Bytes bytes) {
  constexpr uint64_t kOrientation = 0x0112, kShort = 3;
  const Bytes tiff = exif_of(bytes);
  if (!starts(tiff, std::string_view("II*\0", 4)) && !starts(tiff, std::string_view("MM\0*", 4)))
    return 1;
  const Numbers numbers(tiff, tiff[0] == 'M');
  const uint64_t directory = numbers.at(4, 4), count = numbers.at(directory, 2);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t entry = directory + 2 + 12 * i;
    if (numbers.at(entry, 2) != kOrientation || numbers.at(entry + 2, 2) != kShort) continue;
    const uint64_t value = numbers.at(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

void decode_upright_part(Bytes bytes, const std::string& name, const ChooseBox& choose, Part& part,
                         int smallest) {
  const int orientation = exif_orientation(bytes);
  if (orientation == 1) return decode_part(bytes, name, choose, part, smallest);
  const Turn turn(orientation);
  const auto choose_stored = [&](int width, int height) {
    const Box box = turn.transposed ? choose(height, width) : choose(width, height);
    return turn.stored(box, width, height);
  };
  decode_part(bytes, name, choose_stored, part, smallest);
  part.pixels = turn.upright(part.pixels, part.box);
  part.box = whole_box(part.pixels.width, part.pixels.height);
}

}  // namespace vicinity
