#include "data/image/probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <webp/decode.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "data/image/decode.h"

namespace vicinity {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kHead = 4096;  // most JPEG headers are shorter
constexpr std::string_view kPngEnd = "\0\0\0\0IEND\xae\x42\x60\x82"sv;

class Ends {
 public:
  explicit Ends(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (file_ >= 0 && fstat(file_, &status) == 0 && S_ISREG(status.st_mode)) size_ = status.st_size;
    head_ = read(0, kHead);
  }
  ~Ends() {
    if (file_ >= 0) close(file_);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

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
    return read(from, count);
  }

 private:
  std::string read(int64_t from, int64_t count) const {
    std::string bytes(static_cast<size_t>(std::max<int64_t>(0, std::min(count, size_ - from))), 0);
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got = pread(file_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(from + static_cast<int64_t>(done)));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

  int file_;
  int64_t size_ = 0;
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
  int width = 0, height = 0;
  return length + 8 == file.size() &&
         WebPGetInfo(reinterpret_cast<const uint8_t*>(head.data()), head.size(), &width, &height) &&
         sensible(width, height);
}

}  // namespace

bool looks_whole(const std::string& path) {
  const Ends file(path);
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

}  // namespace vicinity
