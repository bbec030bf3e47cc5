#include "models/weights/zip_archive.h"

#include <zlib.h>

#include <cstring>

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                   kEnd64 = 0x06064b50, kLocator64 = 0x07064b50, kDescriptor = 0x08074b50;
constexpr uint32_t kWide = 0xffffffff;  // the number is in the ZIP64 field
constexpr uint64_t kMostExpansion = 64, kAlwaysAllowed = uint64_t{1} << 20;
constexpr uint16_t kWithDescriptor = 1u << 3;
constexpr uint16_t kKnownFlags = 1u << 1 | 1u << 2 | kWithDescriptor | 1u << 11;

}  // namespace

// A member as the central directory describes it.
struct ZipArchive::Listed {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, header = 0;
};

template <class T>
T ZipArchive::number(uint64_t at) const {
  VIC_CHECK(DataError, at <= bytes_.size() && sizeof(T) <= bytes_.size() - at, "'", path_,
            "' is damaged: the archive ends at byte ", bytes_.size(), ", a record at ", at,
            " goes on behind it");
  T value = 0;
  std::memcpy(&value, bytes_.data() + at, sizeof value);
  return value;
}

std::string_view ZipArchive::text(uint64_t at, uint64_t length) const {
  VIC_CHECK(DataError, at <= bytes_.size() && length <= bytes_.size() - at, "'", path_,
            "' is damaged: the archive ends at byte ", bytes_.size(), ", a name at ", at, " has ",
            length, " bytes");
  return {bytes_.data() + at, length};
}

ZipArchive::ZipArchive(std::span<const char> bytes, std::string path)
    : bytes_(bytes), path_(std::move(path)) {
  const Directory directory = find_directory();
  std::map<uint64_t, std::pair<uint64_t, std::string>> ranges;
  uint64_t at = directory.at, unpacked = 0;
  for (uint64_t i = 0; i < directory.count; ++i) {
    Listed listed;
    at = read_listed(at, listed);
    const uint64_t data = compare_with_local(listed, directory.at);
    const uint64_t end = after_descriptor(listed, data + listed.packed);
    VIC_CHECK(DataError, ranges.emplace(listed.header, std::pair{end, listed.name}).second, "'",
              path_, "' is damaged: '", listed.name, "' lies where another member does");
    unpacked += std::min(listed.size, uint64_t{1} << 62);
    VIC_CHECK(DataError, unpacked <= kMostExpansion * bytes_.size() + kAlwaysAllowed, "'", path_,
              "' claims to unpack to more than ", kMostExpansion, " times its size, at '",
              listed.name, "'");
    const Member member{bytes_.subspan(data, listed.packed), listed.size, listed.crc,
                        listed.method != 0};
    VIC_CHECK(DataError, members_.emplace(listed.name, member).second, "'", path_,
              "' is damaged: it has '", listed.name, "' twice");
  }
  VIC_CHECK(DataError, at == directory.at + directory.bytes, "'", path_,
            "' is damaged: its directory ends at byte ", at, ", not at ",
            directory.at + directory.bytes);
  check_apart(ranges);
}

void ZipArchive::check_apart(
    const std::map<uint64_t, std::pair<uint64_t, std::string>>& ranges) const {
  uint64_t end = 0;
  for (const auto& [begin, rest] : ranges) {
    VIC_CHECK(DataError, begin >= end, "'", path_, "' is damaged: '", rest.second,
              "' begins at byte ", begin, ", inside the member before it, which ends at ", end);
    end = rest.first;
  }
}

// The end record closes the file but for a comment, whose length it tells.
uint64_t ZipArchive::find_end() const {
  constexpr uint64_t kRecord = 22, kLongestComment = 0xffff;
  for (uint64_t comment = 0; comment <= kLongestComment; ++comment) {
    if (bytes_.size() < kRecord + comment) break;
    const uint64_t at = bytes_.size() - kRecord - comment;
    if (number<uint32_t>(at) == kEnd && number<uint16_t>(at + 20) == comment) return at;
  }
  VIC_FAIL(DataError, "'", path_,
           "' is damaged: it begins as a ZIP archive and has no directory at its end; was it "
           "downloaded to the end?");
}

ZipArchive::Directory ZipArchive::find_directory() const {
  const uint64_t end = find_end();
  Directory result{number<uint16_t>(end + 10), number<uint32_t>(end + 16),
                   number<uint32_t>(end + 12), end};
  const bool wide = end >= 20 && number<uint32_t>(end - 20) == kLocator64;
  VIC_CHECK(DataError, wide || (result.at != kWide && result.bytes != kWide), "'", path_,
            "' is damaged: the ZIP64 record before its end is missing");
  if (wide) {
    const auto record = number<uint64_t>(end - 12);
    VIC_CHECK(DataError, record <= end && number<uint32_t>(record) == kEnd64, "'", path_,
              "' is damaged: no ZIP64 record at byte ", record, ", where its locator points");
    result = {number<uint64_t>(record + 32), number<uint64_t>(record + 48),
              number<uint64_t>(record + 40), record};
  }
  VIC_CHECK(DataError, result.at <= result.end && result.bytes <= result.end - result.at, "'",
            path_, "' is damaged: its directory of ", result.bytes, " bytes at ", result.at,
            " does not fit before byte ", result.end);
  return result;
}

// Returns where the next one begins.
uint64_t ZipArchive::read_listed(uint64_t at, Listed& listed) const {
  VIC_CHECK(DataError, number<uint32_t>(at) == kCentral, "'", path_,
            "' is damaged: no entry of the directory at byte ", at);
  const auto name = number<uint16_t>(at + 28), extra = number<uint16_t>(at + 30),
             comment = number<uint16_t>(at + 32);
  listed.flags = number<uint16_t>(at + 8);
  listed.method = number<uint16_t>(at + 10);
  listed.crc = number<uint32_t>(at + 16);
  listed.packed = number<uint32_t>(at + 20);
  listed.size = number<uint32_t>(at + 24);
  listed.header = number<uint32_t>(at + 42);
  listed.name = text(at + 46, name);
  widen(listed, at + 46 + name, extra, true);
  VIC_CHECK(DataError, (listed.flags & ~kKnownFlags) == 0, "'", path_, "': '", listed.name,
            "' is encrypted or patched (flags ", listed.flags, "), which is not read");
  VIC_CHECK(DataError, listed.method == 0 || listed.method == 8, "'", path_, "': '", listed.name,
            "' is packed by method ", listed.method, "; stored (0) and deflated (8) are read");
  VIC_CHECK(DataError, listed.method == 8 || listed.packed == listed.size, "'", path_, "': '",
            listed.name, "' is stored, yet ", listed.packed, " bytes are to be ", listed.size);
  return at + 46 + name + extra + comment;
}

// Numbers of 64 bits are in the extra field 1, in this order and only where the short one is full.
void ZipArchive::widen(Listed& listed, uint64_t extra, uint64_t length, bool with_offset) const {
  const uint64_t end = extra + length;
  text(extra, length);
  while (extra + 4 <= end) {
    const auto id = number<uint16_t>(extra), bytes = number<uint16_t>(extra + 2);
    uint64_t at = extra + 4;
    extra = at + bytes;
    if (id != 1) continue;
    for (uint64_t* value : {&listed.size, &listed.packed, &listed.header}) {
      if (*value != kWide || (value == &listed.header && !with_offset)) continue;
      VIC_CHECK(DataError, at + 8 <= extra && extra <= end, "'", path_,
                "' is damaged: the ZIP64 field of '", listed.name, "' is too short");
      *value = number<uint64_t>(at);
      at += 8;
    }
  }
}

// Returns where the data begin.
uint64_t ZipArchive::compare_with_local(const Listed& listed, uint64_t limit) const {
  const uint64_t at = listed.header;
  VIC_CHECK(DataError, at < limit && number<uint32_t>(at) == kLocal, "'", path_,
            "' is damaged: no header of '", listed.name, "' at byte ", at);
  Listed local;
  local.flags = number<uint16_t>(at + 6);
  local.method = number<uint16_t>(at + 8);
  local.crc = number<uint32_t>(at + 14);
  local.packed = number<uint32_t>(at + 18);
  local.size = number<uint32_t>(at + 22);
  const auto name = number<uint16_t>(at + 26), extra = number<uint16_t>(at + 28);
  local.name = text(at + 30, name);
  widen(local, at + 30 + name, extra, false);
  // With a descriptor the numbers may follow the data and be 0 here.
  const bool later = (listed.flags & kWithDescriptor) != 0 && local.crc == 0 && local.packed == 0 &&
                     local.size == 0;
  VIC_CHECK(
      DataError,
      local.name == listed.name && local.flags == listed.flags && local.method == listed.method &&
          (later ||
           (local.crc == listed.crc && local.packed == listed.packed && local.size == listed.size)),
      "'", path_, "' is damaged: the header of '", local.name, "' at byte ", at,
      " and the directory, which calls it '", listed.name, "', differ");
  const uint64_t data = at + 30 + name + extra;
  VIC_CHECK(DataError, data <= limit && listed.packed <= limit - data, "'", path_,
            "' is damaged: '", listed.name, "' has ", listed.packed, " bytes at ", data,
            ", beyond byte ", limit);
  return data;
}

// A descriptor repeats checksum and sizes, in 32 or 64 bits, with or without a signature. Returns
// where the member ends.
uint64_t ZipArchive::after_descriptor(const Listed& listed, uint64_t at) const {
  if ((listed.flags & kWithDescriptor) == 0) return at;
  if (number<uint32_t>(at) == kDescriptor) at += 4;
  const bool crc = number<uint32_t>(at) == listed.crc;
  if (crc && number<uint32_t>(at + 4) == listed.packed && number<uint32_t>(at + 8) == listed.size)
    return at + 12;
  VIC_CHECK(
      DataError,
      crc && number<uint64_t>(at + 4) == listed.packed && number<uint64_t>(at + 12) == listed.size,
      "'", path_, "' is damaged: the record behind '", listed.name, "' at byte ", at,
      " and the directory differ");
  return at + 20;
}

const ZipArchive::Member& ZipArchive::member(const std::string& name) const {
  const auto found = members_.find(name);
  VIC_CHECK(DataError, found != members_.end(), "'", path_, "' has no member '", name, "'");
  return found->second;
}

std::string ZipArchive::unpack(const std::string& name) const {
  const Member& packed = member(name);
  std::string data;
  z_stream stream{};
  VIC_CHECK(IoError, inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib does not start");
  uint64_t taken = 0;
  int code = Z_OK;
  // In pieces: what is claimed is allocated only as far as it comes true.
  while (code == Z_OK && data.size() <= packed.size) {
    constexpr uint64_t kPiece = uint64_t{1} << 20;
    const size_t before = data.size();
    data.resize(std::min(before + kPiece, packed.size + 1));
    const uint64_t feed = std::min(packed.packed.size() - taken, kPiece);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.packed.data() + taken));
    stream.avail_in = static_cast<uInt>(feed);
    stream.next_out = reinterpret_cast<Bytef*>(data.data() + before);
    stream.avail_out = static_cast<uInt>(data.size() - before);
    code = inflate(&stream, Z_NO_FLUSH);
    taken += feed - stream.avail_in;
    data.resize(data.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  VIC_CHECK(DataError,
            code == Z_STREAM_END && data.size() == packed.size && taken == packed.packed.size(),
            "'", path_, "' is damaged: '", name, "' does not unpack to its ", packed.size,
            " bytes");
  check(name, data);
  return data;
}

void ZipArchive::check(const std::string& name, std::span<const char> data) const {
  const uint32_t wanted = member(name).crc;
  if (wanted == 0) return;
  const auto found =
      static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  VIC_CHECK(DataError, found == wanted, "'", path_, "' is damaged: '", name, "' has the checksum ",
            found, ", the archive says ", wanted);
}

}  // namespace vicinity
