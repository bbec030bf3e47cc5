// Archives that lie: each part of the directory against each header, and what members may cost.
#include "models/weights/zip_archive.h"

#include <zlib.h>

#include <cstring>

#include "core/base/error.h"
#include "gtest/gtest.h"

namespace vicinity::testing {
namespace {

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct Part {
  std::string name, data;
  uint16_t method = 0, flags = 0;
  uint64_t size = 0;  // unpacked; 0: as the data
  std::string extra;  // of the header
  uint64_t header_at = ~uint64_t{0};
  bool wide = false;  // sizes and offset in ZIP64's field
};

uint32_t crc_of(const std::string& data) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

// The fields that a header and an entry of the directory share.
std::string shared_fields(const Part& p, bool later) {
  const uint32_t crc = later || p.method != 0 ? 0 : crc_of(p.data);
  const auto packed = static_cast<uint32_t>(p.wide ? ~0u : later ? 0 : p.data.size());
  const auto size = static_cast<uint32_t>(p.wide       ? ~0u
                                          : later      ? 0
                                          : p.size > 0 ? p.size
                                                       : p.data.size());
  return bytes_of<uint16_t>(20) + bytes_of(p.flags) + bytes_of(p.method) + bytes_of<uint32_t>(0) +
         bytes_of(crc) + bytes_of(packed) + bytes_of(size) +
         bytes_of(static_cast<uint16_t>(p.name.size()));
}

// Unpacked and packed size.
std::string wide_sizes(const Part& p, bool later) {
  return bytes_of<uint64_t>(later ? 0 : p.data.size()) +
         bytes_of<uint64_t>(later ? 0 : p.data.size());
}

std::string header_of(const Part& p) {
  const bool later = (p.flags & 8) != 0;
  std::string extra = p.extra;
  if (p.wide) extra += bytes_of<uint16_t>(1) + bytes_of<uint16_t>(16) + wide_sizes(p, later);
  std::string header = "PK\x03\x04" + shared_fields(p, later);
  header += bytes_of(static_cast<uint16_t>(extra.size())) + p.name + extra + p.data;
  if (!later) return header;
  header += "PK\x07\x08" + bytes_of(crc_of(p.data));
  return header + (p.wide ? wide_sizes(p, false) : shared_fields(p, false).substr(14, 8));
}

std::string listed(const Part& p, uint64_t at) {
  std::string extra;
  if (p.wide) {
    extra = bytes_of<uint16_t>(1) + bytes_of<uint16_t>(24) + wide_sizes(p, false) + bytes_of(at);
    at = ~uint32_t{0};
  }
  std::string entry = "PK\x01\x02" + bytes_of<uint16_t>(20) + shared_fields(p, false);
  entry += bytes_of(static_cast<uint16_t>(extra.size())) + std::string(10, '\0');
  return entry + bytes_of(static_cast<uint32_t>(at)) + p.name + extra;
}

std::string archive_of(const std::vector<Part>& parts, const std::string& comment = "") {
  std::string data, directory;
  for (const Part& p : parts) {
    directory += listed(p, std::min<uint64_t>(p.header_at, data.size()));
    data += header_of(p);
  }
  const auto count = static_cast<uint16_t>(parts.size());
  return data + directory + "PK\x05\x06" + bytes_of<uint32_t>(0) + bytes_of(count) +
         bytes_of(count) + bytes_of(static_cast<uint32_t>(directory.size())) +
         bytes_of(static_cast<uint32_t>(data.size())) +
         bytes_of(static_cast<uint16_t>(comment.size())) + comment;
}

std::string deflated(const std::string& data) {
  std::string packed(data.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string refusal(const std::string& bytes) {
  try {
    const ZipArchive archive(bytes, "f.pth");
    for (const auto& [name, member] : archive.members()) {
      if (member.deflated) {
        archive.unpack(name);
      } else {
        archive.check(name, member.packed);
      }
    }
  } catch (const DataError& error) {
    return error.message();
  }
  return "accepted";
}

TEST(ZipArchive, ReadsMembersWithCommentsPaddingAndDescriptors) {
  const std::string text(5000, 'a');
  const std::string bytes = archive_of({{"stored", "abc"},
                                        {"padded", "def", 0, 0, 0, std::string("FB\x03\0ZZZ", 7)},
                                        {"later", "ghi", 0, 8},
                                        {"packed", deflated(text), 8, 0, text.size()}},
                                       "a comment PK\x05\x06 in it");
  const ZipArchive archive(bytes, "f.pth");
  for (const auto& [name, data] :
       std::map<std::string, std::string>{{"stored", "abc"}, {"padded", "def"}, {"later", "ghi"}}) {
    const auto packed = archive.member(name).packed;
    EXPECT_EQ(std::string(packed.data(), packed.size()), data);
  }
  EXPECT_EQ(archive.unpack("packed"), text);
  EXPECT_THROW(archive.member("absent"), DataError);
  EXPECT_EQ(refusal(bytes), "accepted");
}

TEST(ZipArchive, ReadsTheFieldsOfZip64) {
  const uint64_t none = ~uint64_t{0};
  const std::string bytes = archive_of(
      {{"a", "abc", 0, 0, 0, "", none, true}, {"b", "defg", 0, 8, 0, "", none, true}, {"c", "h"}});
  EXPECT_EQ(refusal(bytes), "accepted");
  const ZipArchive archive(bytes, "f.pth");
  EXPECT_EQ(archive.member("b").size, 4u);
  std::string cut = bytes;
  const size_t field = cut.rfind(std::string("\1\0\x18\0", 4));
  cut[field + 2] = 8;  // of three numbers only one is left
  EXPECT_NE(refusal(cut).find("ZIP64 field of 'b' is too short"), std::string::npos)
      << refusal(cut);
}

TEST(ZipArchive, LiesAreNamed) {
  const std::string zeros(3 << 20, '\0'), bomb = deflated(zeros);
  const std::vector<std::pair<std::string, const char*>> bad = {
      {"", "no directory at its end"},
      {std::string(30, 'x'), "no directory at its end"},
      {archive_of({{"a", "1"}, {"a", "2"}}), "has 'a' twice"},
      {archive_of({{"a", "1"}, {"a", "2", 0, 0, 0, "", 0}}), "differ"},
      {archive_of({{"a", "1"}, {"a", "1", 0, 0, 0, "", 0}}), "where another member does"},
      {archive_of({{"a", "1", 0, 1}}), "encrypted"},
      {archive_of({{"a", "1", 14}}), "method 14"},
      {archive_of({{"a", "1", 0, 0, 9}}), "1 bytes are to be 9"},
      {archive_of({{"a", bomb, 8, 0, zeros.size()}}), "more than 64 times"},
      {archive_of({{"a", deflated("abc"), 8, 0, 4}}), "does not unpack to its 4 bytes"},
      {archive_of({{"a", deflated("abc"), 8, 0, 2}}), "does not unpack to its 2 bytes"},
      {archive_of({{"a", "garbage", 8, 0, 9}}), "does not unpack"},
  };
  for (const auto& [bytes, says] : bad)
    EXPECT_NE(refusal(bytes).find(says), std::string::npos) << says << ": " << refusal(bytes);
}

// The second header lies within the data of the first member.
TEST(ZipArchive, OverlappingMembersAreRefused) {
  const std::string inner = archive_of({{"b", "2"}});
  const std::string bytes = archive_of({{"a", inner.substr(0, 40)}, {"b", "2", 0, 0, 0, "", 31}});
  EXPECT_NE(refusal(bytes).find("inside the member before it"), std::string::npos)
      << refusal(bytes);
}

TEST(ZipArchive, AWrongChecksumIsNoticed) {
  std::string bytes = archive_of({{"a", "abc"}});
  bytes[bytes.find("abc")] = 'x';
  EXPECT_NE(refusal(bytes).find("'a' has the checksum"), std::string::npos) << refusal(bytes);
}

}  // namespace
}  // namespace vicinity::testing
