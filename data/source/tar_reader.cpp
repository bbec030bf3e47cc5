#include "data/source/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/source/pax.h"

namespace vicinity {
namespace {

constexpr size_t kReadAhead = 4096;
constexpr uint64_t kLongestExtension = uint64_t{1} << 20, kLongestPath = 4096;
constexpr size_t kSizeAt = 124, kSizeLength = 12, kSumAt = 148, kSumLength = 8, kKindAt = 156,
                 kMagicAt = 257, kPrefixAt = 345, kPrefixLength = 155, kNameLength = 100;

std::string_view field(const uint8_t* block, size_t from, size_t length) {
  const std::string_view all(reinterpret_cast<const char*>(block) + from, length);
  return all.substr(0, std::min(length, all.find('\0')));
}

const char* compression_of(std::string_view head) {
  using namespace std::string_view_literals;
  if (starts_with(head, "\x1f\x8b"sv)) return "gzip";
  if (starts_with(head, "BZh"sv)) return "bzip2";
  if (starts_with(head,
                  "\xfd"
                  "7zXZ"sv))
    return "xz";
  if (starts_with(head, "\x28\xb5\x2f\xfd"sv)) return "zstd";
  return nullptr;
}

}  // namespace

TarReader::TarReader(const InputFile& file, uint64_t begin, uint64_t end)
    : file_(file), begin_(begin), end_(end), at_(begin), header_at_(begin) {
  std::string head(6, '\0');
  head.resize(file.read_some(begin, head.data(), std::min<uint64_t>(head.size(), end - begin)));
  const char* compression = compression_of(head);
  VIC_CHECK(DataError, compression == nullptr, "'", file.path(), "' is compressed (", compression,
            "), so that no image in it can be read without those before it. Images are compressed "
            "already: unpack it to a plain .tar, which is hardly larger");
}

std::string TarReader::where() const {
  return str("the archive '", file_.path(), "', header at byte ", header_at_);
}

void TarReader::read_block(Block& block) {
  VIC_CHECK(DataError, at_ <= end_ && end_ - at_ >= kBlock, "the archive '", file_.path(),
            "' was cut short: it ends at byte ", end_,
            " without the mark of its end; copy it anew");
  const bool buffered = at_ >= buffer_at_ && at_ + kBlock <= buffer_at_ + buffer_.size();
  if (!buffered) {
    buffer_.resize(std::min<uint64_t>(kReadAhead, end_ - at_));
    file_.read(at_, buffer_.data(), buffer_.size());
    buffer_at_ = at_;
  }
  std::memcpy(block.data(), buffer_.data() + (at_ - buffer_at_), kBlock);
}

// The sum of the header's bytes with blanks in place of the sum itself; old programs added signed
// bytes.
void TarReader::check_sum(const Block& block) const {
  int64_t plain = 0, with_sign = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const bool in_sum = i >= kSumAt && i < kSumAt + kSumLength;
    plain += in_sum ? ' ' : block[i];
    with_sign += in_sum ? ' ' : static_cast<int8_t>(block[i]);
  }
  const auto wanted = static_cast<int64_t>(number(block, kSumAt, kSumLength, "checksum"));
  VIC_CHECK(DataError, wanted == plain || wanted == with_sign, where(),
            header_at_ == begin_ ? ": this is no tar archive" : " is damaged", " (its checksum is ",
            wanted, ", its bytes give ", plain, ")");
}

// Octal digits between blanks, or a first bit that is set and 256 as base.
uint64_t TarReader::number(const Block& block, size_t from, size_t length, const char* what) const {
  uint64_t value = 0;
  if ((block[from] & 0x80) != 0) {
    VIC_CHECK(DataError, block[from] == 0x80, where(), ": its ", what, " is negative or too large");
    for (size_t i = from + 1; i < from + length; ++i) {
      VIC_CHECK(DataError, value < uint64_t{1} << 54, where(), ": its ", what, " is too large");
      value = value << 8 | block[i];
    }
    return value;
  }
  std::string_view text = field(block.data(), from, length);
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  for (const char c : text) {
    VIC_CHECK(DataError, c >= '0' && c <= '7', where(),
              header_at_ == begin_ ? ": this is no tar archive" : " is damaged", " (its ", what,
              " is no octal number)");
    value = value << 3 | static_cast<uint64_t>(c - '0');  // 12 digits: 36 bits
  }
  return value;
}

std::string TarReader::path_of(const Block& block) const {
  const std::string name(field(block.data(), 0, kNameLength));
  const bool posix = std::memcmp(block.data() + kMagicAt, "ustar\0", 6) == 0;
  const std::string_view prefix =
      posix ? field(block.data(), kPrefixAt, kPrefixLength) : std::string_view();
  return prefix.empty() ? name : str(prefix, "/", name);
}

std::string TarReader::clean_path(const std::string& path) const {
  VIC_CHECK(DataError, path.size() <= kLongestPath, where(), ": a path of ", path.size(),
            " bytes; the longest is ", kLongestPath);
  const bool plain = std::none_of(path.begin(), path.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 32; });
  VIC_CHECK(DataError, plain, where(), ": a path with control characters");
  VIC_CHECK(DataError, !starts_with(path, "/"), where(), ": '", path,
            "' is an absolute path; make the archive with relative ones (tar -C FOLDER)");
  std::vector<std::string> parts;
  for (const std::string& part : split(path, '/')) {
    VIC_CHECK(DataError, part != "..", where(), ": '", path,
              "' leads out of the archive; make it without '..'");
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  VIC_CHECK(DataError, !parts.empty(), where(), ": a file without a name");
  return join(parts, "/");
}

bool TarReader::read_header(Header& header) {
  header_at_ = at_;
  Block block;
  read_block(block);
  if (std::all_of(block.begin(), block.end(), [](uint8_t b) { return b == 0; })) {
    check_end();
    return false;
  }
  check_sum(block);
  header = {path_of(block), at_ + kBlock, number(block, kSizeAt, kSizeLength, "size"),
            static_cast<char>(block[kKindAt])};
  if (header.kind == '\0') header.kind = '0';
  return true;
}

// GNU tar stops at the first block of zeros. Bytes behind it would be lost without a word.
void TarReader::check_end() {
  std::string text(1 << 16, '\0');
  for (uint64_t at = at_; at < end_; at += text.size()) {
    text.resize(std::min<uint64_t>(text.size(), end_ - at));
    file_.read(at, text.data(), text.size());
    const size_t found = text.find_first_not_of('\0');
    VIC_CHECK(DataError, found == std::string::npos, "the archive '", file_.path(),
              "' ends at byte ", at_, ", but there is more from byte ", at + found,
              " on. Archives that were joined must be taken apart, or joined with tar "
              "--concatenate");
  }
}

void TarReader::step_over(const Header& header) {
  const uint64_t room = end_ - header.at;
  VIC_CHECK(DataError, header.size <= room, where(), ": '", header.path, "' claims ", header.size,
            " bytes, the archive has ", room, " more: it was cut short; copy it anew");
  at_ = header.at + (header.size + kBlock - 1) / kBlock * kBlock;
}

std::string TarReader::extension_body(const Header& header) const {
  VIC_CHECK(DataError, header.size <= kLongestExtension, where(), ": an extension of ", header.size,
            " bytes; the most is ", kLongestExtension);
  return file_.text(header.at, header.size);
}

void TarReader::pax_record(const Header& header, std::string_view key, std::string_view value,
                           Extension& extension) const {
  VIC_CHECK(DataError, !starts_with(key, "GNU.sparse"), where(),
            ": sparse files are not read; make the archive without --sparse");
  if (key != "path" && key != "size") return;
  VIC_CHECK(DataError, header.kind == 'x', where(), ": a ", key, " for all members");
  if (key == "path") {
    extension.path = value;
    extension.has_path = true;
    return;
  }
  extension.size = pax_number(value, where());
  extension.has_size = true;
}

void TarReader::read_pax(const Header& header, Extension& extension) const {
  const std::string body = extension_body(header);
  for (const auto& [key, value] : pax_records(body, where()))
    pax_record(header, key, value, extension);
}

// True for headers that only say something of the next one.
bool TarReader::extends(const Header& header, Extension& extension) const {
  if (header.kind == 'x' || header.kind == 'g') read_pax(header, extension);
  if (header.kind == 'L') {
    const std::string body = extension_body(header);
    extension.path = body.substr(0, body.find('\0'));
    extension.has_path = true;
  }
  return header.kind == 'x' || header.kind == 'g' || header.kind == 'L' || header.kind == 'K';
}

void TarReader::apply(const Extension& extension, Header& header) {
  if (extension.has_path) header.path = extension.path;
  if (extension.has_size) header.size = extension.size;
  const bool old_folder = header.kind == '0' && ends_with(header.path, "/");  // before POSIX
  if (old_folder) header.kind = '5';
  if (header.kind == '5') header.size = 0;
}

void TarReader::refuse_kind(const Header& header) const {
  const bool link = header.kind == '1' || header.kind == '2';
  VIC_CHECK(DataError, !link, where(), ": '", header.path,
            "' is a link; archives of plain files are read (tar --dereference "
            "--hard-dereference)");
  VIC_FAIL(DataError, where(), ": '", header.path, "' is of kind '", header.kind,
           "'; plain files are read, no devices and no sparse files");
}

bool TarReader::next(TarMember& member) {
  Extension extension;
  Header header;
  while (read_header(header)) {
    if (extends(header, extension)) {
      step_over(header);
      continue;
    }
    apply(extension, header);
    step_over(header);
    extension = {};
    if (header.kind == '5') continue;
    if (header.kind != '0' && header.kind != '7') refuse_kind(header);
    member = {clean_path(header.path), header.at, header.size};
    return true;
  }
  VIC_CHECK(DataError, !extension.has_path && !extension.has_size, "the archive '", file_.path(),
            "' ends behind an extension header: the member that it belongs to is missing");
  return false;
}

}  // namespace vicinity
