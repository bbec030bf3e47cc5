#include "data/source/mat_synsets.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {
namespace {

constexpr size_t kHeader = 128, kMostBytes = size_t{1} << 28;
enum Type : uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kSingle = 7,
  kDouble = 9,
  kMatrix = 14,
  kCompressed = 15,
  kUtf8 = 16,
  kUtf16 = 17
};
constexpr uint8_t kStructClass = 2;

template <class T>
T number_at(std::string_view bytes, size_t at) {
  VIC_CHECK(DataError, at <= bytes.size() && bytes.size() - at >= sizeof(T),
            "a MATLAB file that ends too early");
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Element {
  uint32_t type = 0;
  std::string_view body;
};

// Elements one behind the other: type, size, body, filled to 8 bytes; up to 4 bytes may stand in
// the tag itself.
class Elements {
 public:
  explicit Elements(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  Element next() {
    const auto first = number_at<uint32_t>(rest_, 0);
    const uint32_t small = first >> 16;
    const size_t size = small > 0 ? small : number_at<uint32_t>(rest_, 4);
    const size_t from = small > 0 ? 4 : 8;
    VIC_CHECK(DataError, small <= 4 && size <= rest_.size() - std::min(from, rest_.size()),
              "a MATLAB file with an element of ", size, " bytes where ", rest_.size(),
              " are left");
    const Element element{small > 0 ? first & 0xffff : first, rest_.substr(from, size)};
    // Compressed elements are not filled up.
    const size_t used = small > 0                     ? 8
                        : element.type == kCompressed ? from + size
                                                      : from + (size + 7) / 8 * 8;
    rest_.remove_prefix(std::min(used, rest_.size()));
    return element;
  }

 private:
  std::string_view rest_;
};

std::string inflated(std::string_view bytes) {
  std::string out(1 << 16, '\0');
  z_stream stream{};
  VIC_CHECK(DataError, inflateInit(&stream) == Z_OK, "zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int code = Z_OK;
  while (code == Z_OK && out.size() <= kMostBytes) {
    if (stream.total_out == out.size()) out.resize(2 * out.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    code = inflate(&stream, Z_NO_FLUSH);
  }
  out.resize(stream.total_out);
  inflateEnd(&stream);
  VIC_CHECK(DataError, code == Z_STREAM_END, "a MATLAB file with damaged compression");
  return out;
}

// The part of a matrix behind its flags, dimensions and name, which are read.
struct Matrix {
  uint8_t kind = 0;
  std::string name;
  int64_t count = 1;
  Elements rest{{}};
  explicit Matrix(std::string_view body) {
    Elements elements(body);
    kind = number_at<uint8_t>(elements.next().body, 0);
    const std::string_view dims = elements.next().body;
    for (size_t at = 0; at + 4 <= dims.size(); at += 4) {
      count *= number_at<int32_t>(dims, at);
      VIC_CHECK(DataError, count >= 0 && count < 1 << 24, "a MATLAB array of ", count, " elements");
    }
    name = elements.next().body;
    rest = elements;
  }
};

std::string text_of(const Element& e) {
  std::string text;
  const size_t step = e.type == kUint16 || e.type == kUtf16 ? 2 : 1;
  for (size_t at = 0; at + step <= e.body.size(); at += step) text += e.body[at];
  return text;
}

double number_of(const Element& e) {
  switch (e.type) {
    case kInt8:
      return number_at<int8_t>(e.body, 0);
    case kUint8:
      return number_at<uint8_t>(e.body, 0);
    case kInt16:
      return number_at<int16_t>(e.body, 0);
    case kUint16:
      return number_at<uint16_t>(e.body, 0);
    case kInt32:
      return number_at<int32_t>(e.body, 0);
    case kUint32:
      return number_at<uint32_t>(e.body, 0);
    case kSingle:
      return number_at<float>(e.body, 0);
    case kDouble:
      return number_at<double>(e.body, 0);
    default:
      VIC_FAIL(DataError, "a MATLAB number of type ", e.type);
  }
}

// The struct array is read row by row: all fields of its first element, then of the second.
std::map<std::string, std::string> synsets_of(Matrix matrix) {
  std::map<std::string, std::string> ids;
  const auto length = number_at<int32_t>(matrix.rest.next().body, 0);
  const std::string_view names = matrix.rest.next().body;
  VIC_CHECK(DataError, length > 0 && length <= 1024, "MATLAB field names of ", length, " bytes");
  std::vector<std::string> fields;
  for (size_t at = 0; at + static_cast<size_t>(length) <= names.size();
       at += static_cast<size_t>(length)) {
    const std::string_view name = names.substr(at, static_cast<size_t>(length));
    fields.emplace_back(name.substr(0, std::min(name.size(), name.find('\0'))));
  }
  const bool known = std::count(fields.begin(), fields.end(), "ILSVRC2012_ID") == 1 &&
                     std::count(fields.begin(), fields.end(), "WNID") == 1;
  if (!known) return ids;
  for (int64_t i = 0; i < matrix.count; ++i) {
    std::string number, id;
    for (const std::string& field : fields) {
      const Element element = matrix.rest.next();
      if (field != "ILSVRC2012_ID" && field != "WNID") continue;
      VIC_CHECK(DataError, element.type == kMatrix, "a MATLAB field that is no array");
      const Element value = Matrix(element.body).rest.next();
      if (field == "WNID") {
        id = text_of(value);
      } else {
        number = std::to_string(std::llround(number_of(value)));
      }
    }
    ids[number] = id;
  }
  return ids;
}

std::map<std::string, std::string> read_synsets(const std::string& file) {
  const bool little = file.size() > kHeader && file.compare(126, 2, "IM") == 0;
  VIC_CHECK(DataError, little, "no MATLAB 5 file of a little-endian machine");
  Elements elements(std::string_view(file).substr(kHeader));
  while (!elements.empty()) {
    Element element = elements.next();
    std::string unpacked;
    if (element.type == kCompressed) {
      unpacked = inflated(element.body);
      element = Elements(unpacked).next();
    }
    if (element.type != kMatrix) continue;
    const Matrix matrix(element.body);
    if (matrix.kind != kStructClass) continue;
    const auto ids = synsets_of(matrix);
    if (!ids.empty()) return ids;
  }
  VIC_FAIL(DataError, "no struct with ILSVRC2012_ID and WNID");
}

}  // namespace

std::map<std::string, std::string> mat_synsets(const std::string& path) {
  const std::string file = read_file(path);
  return in_context("reading '" + path + "'", [&] { return read_synsets(file); });
}

}  // namespace vicinity
