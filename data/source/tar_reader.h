// What a tar archive holds, and where: members are byte ranges, nothing is unpacked.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/input_file.h"

namespace vicinity {

struct TarMember {
  std::string path;  // relative, without "." and "..", "/" between its parts
  uint64_t at = 0;   // first byte in the file
  uint64_t size = 0;
};

/// Walks the headers of an uncompressed archive: POSIX ustar with prefixes, pax records for path
/// and size, GNU long names and sizes in base 256 (POSIX.1-2017, pax, "ustar Interchange Format";
/// GNU tar's manual, "Basic Tar Format"). One read of 4 KiB a member, and memory for one header.
/// DataError, naming the file and the byte, for what is damaged, cut short, compressed, a link, a
/// device or sparse, a path that is absolute or leads upwards, and for bytes behind the end mark.
class TarReader {
 public:
  explicit TarReader(const InputFile& file) : TarReader(file, 0, file.size()) {}
  /// An archive that is the bytes [begin, end) of a file: a member of another archive.
  TarReader(const InputFile& file, uint64_t begin, uint64_t end);

  /// The next plain file; folders are passed over. False at the end.
  bool next(TarMember& member);

 private:
  static constexpr uint64_t kBlock = 512;
  using Block = std::array<uint8_t, kBlock>;
  struct Header {
    std::string path;
    uint64_t at = 0, size = 0;  // of the body
    char kind = '0';
  };
  /// What extension headers say of the member that follows them.
  struct Extension {
    std::string path;
    bool has_path = false, has_size = false;
    uint64_t size = 0;
  };

  bool read_header(Header& header);
  void check_sum(const Block& block) const;
  uint64_t number(const Block& block, size_t from, size_t length, const char* what) const;
  std::string path_of(const Block& block) const;
  void read_block(Block& block);
  std::string extension_body(const Header& header) const;
  void read_pax(const Header& header, Extension& extension) const;
  void pax_record(const Header& header, std::string_view key, std::string_view value,
                  Extension& extension) const;
  bool extends(const Header& header, Extension& extension) const;
  static void apply(const Extension& extension, Header& header);
  void step_over(const Header& header);
  void check_end();
  std::string clean_path(const std::string& path) const;
  std::string where() const;
  [[noreturn]] void refuse_kind(const Header& header) const;

  const InputFile& file_;
  uint64_t begin_, end_;
  uint64_t at_;         // the next header
  uint64_t header_at_;  // the one being read
  std::string buffer_;
  uint64_t buffer_at_ = 0;
};

}  // namespace vicinity
