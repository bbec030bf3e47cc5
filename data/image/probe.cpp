#include "data/image/probe.h"

#include <webp/decode.h>

#include <algorithm>
#include <cstdint>
#include <functional>

#include "core/base/error.h"
#include "data/image/decode.h"

namespace vicinity {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kHead = 4096;  // most JPEG headers are shorter
constexpr std::string_view kPngEnd = "\0\0\0\0IEND\xae\x42\x60\x82"sv;

// The two ends of a file in memory or of a range of a file on the disk.
class Ends {
 public:
  using Read = std::function<size_t(int64_t from, char* to, size_t bytes)>;
  Ends(int64_t size, Read read) : size_(size), read_(std::move(read)), head_(fetch(0, kHead)) {}

  int64_t size() const { return size_; }
  const std::string& head() const { return head_; }
  bool ends_with(std::string_view end) const {
    const auto count = static_cast<int64_t>(end.size());
    return size_ >= count && at(size_ - count, count) == end;
  }
  /// Fewer bytes than asked for where the file ends.
  std::string at(int64_t from, int64_t count) const {
    if (from + count <= static_cast<int64_t>(head_.size()))
      return head_.substr(static_cast<size_t>(from), static_cast<size_t>(count));
    return fetch(from, count);
  }

 private:
  std::string fetch(int64_t from, int64_t count) const {
    std::string bytes(static_cast<size_t>(std::max<int64_t>(0, std::min(count, size_ - from))), 0);
    if (!bytes.empty()) bytes.resize(read_(from, bytes.data(), bytes.size()));
    return bytes;
  }

  int64_t size_;
  Read read_;
  std::string head_;
};

int64_t big_endian(std::string_view bytes) {
  int64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

bool sensible(int64_t width, int64_t height) {
  return width > 0 && height > 0 && width * height <= kMaxPixels;
}

// Start of frame: 0xc0 to 0xcf but for the tables of Huffman and arithmetic coding.
bool is_frame(int marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// Walks the segments up to the frame header, which may stand behind large profiles and thumbnails.
bool whole_jpeg(const Ends& file) {
  if (!file.ends_with("\xff\xd9")) return false;
  for (int64_t at = 2; at + 9 <= file.size();) {
    const std::string segment = file.at(at, 9);
    if (segment.size() < 9 || segment[0] != '\xff') return false;
    const int marker = static_cast<uint8_t>(segment[1]);
    const std::string_view text = segment;
    if (is_frame(marker))
      return sensible(big_endian(text.substr(7)), big_endian(text.substr(5, 2)));
    if (marker == 0xda || marker == 0xd9) return false;
    at += marker == 0xff ? 1 : 2 + big_endian(text.substr(2, 2));  // 0xff may be repeated
  }
  return false;
}

bool whole_png(const Ends& file) {
  const std::string_view head = file.head();
  return head.size() >= 24 && file.ends_with(kPngEnd) &&
         sensible(big_endian(head.substr(16, 4)), big_endian(head.substr(20, 4)));
}

bool whole_webp(const Ends& file) {
  const std::string& head = file.head();
  int64_t length = 0;
  for (size_t i = 7; i >= 4; --i) length = length << 8 | static_cast<uint8_t>(head[i]);
  WebPBitstreamFeatures kind;
  return length + 8 == file.size() &&
         WebPGetFeatures(reinterpret_cast<const uint8_t*>(head.data()), head.size(), &kind) ==
             VP8_STATUS_OK &&
         kind.has_animation == 0 && sensible(kind.width, kind.height);
}

bool whole(const Ends& file) {
  switch (format_of({reinterpret_cast<const uint8_t*>(file.head().data()), file.head().size()})) {
    case ImageFormat::jpeg:
      return whole_jpeg(file);
    case ImageFormat::png:
      return whole_png(file);
    case ImageFormat::webp:
      return whole_webp(file);
    case ImageFormat::other:
      return false;
  }
  return false;
}

}  // namespace

bool looks_whole(const std::string& path) {
  try {
    const InputFile file(path);
    return looks_whole(file, 0, file.size());
  } catch (const DataError&) {
    return false;
  }
}

bool looks_whole(const InputFile& file, uint64_t at, uint64_t size) {
  try {
    return whole(Ends(static_cast<int64_t>(size), [&](int64_t from, char* to, size_t bytes) {
      return file.read_some(at + static_cast<uint64_t>(from), to, bytes);
    }));
  } catch (const DataError&) {
    return false;
  }
}

bool looks_whole_in_memory(std::string_view image) {
  const auto read = [&](int64_t from, char* to, size_t bytes) {
    return image.copy(to, bytes, static_cast<size_t>(from));
  };
  return whole(Ends(static_cast<int64_t>(image.size()), read));
}

}  // namespace vicinity
