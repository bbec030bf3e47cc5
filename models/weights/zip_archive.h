// ZIP archives, as torch.save writes them and as other tools pack them anew.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace vicinity {

/// The members of an archive that lies in memory: stored or deflated, with ZIP64, data descriptors
/// and padding; no encryption, no second disk. The central directory is compared with the header
/// before each member, members do not overlap, and all together unpack to at most 64 times the
/// archive. DataError names the archive, the member and both values. (PKWARE APPNOTE 6.3.10.)
class ZipArchive {
 public:
  struct Member {
    std::span<const char> packed;
    uint64_t size = 0;  // unpacked
    uint32_t crc = 0;   // 0: none, as torch writes it when told to leave checksums out
    bool deflated = false;
  };

  /// `bytes` must outlive this. `path` is for messages.
  ZipArchive(std::span<const char> bytes, std::string path);

  const std::map<std::string, Member, std::less<>>& members() const { return members_; }
  bool has(std::string_view name) const { return members_.contains(name); }
  /// DataError if there is no such member.
  const Member& member(const std::string& name) const;
  /// A deflated member unpacked, its checksum compared.
  std::string unpack(const std::string& name) const;
  /// DataError if `data` do not have the checksum of the member.
  void check(const std::string& name, std::span<const char> data) const;

 private:
  struct Directory {
    uint64_t count = 0, at = 0, bytes = 0, end = 0;  // end: where the records behind it begin
  };
  struct Listed;

  template <class T>
  T number(uint64_t at) const;
  std::string_view text(uint64_t at, uint64_t length) const;
  uint64_t find_end() const;
  Directory find_directory() const;
  uint64_t read_listed(uint64_t at, Listed& listed) const;
  void widen(Listed& listed, uint64_t extra, uint64_t length, bool with_offset) const;
  uint64_t compare_with_local(const Listed& listed, uint64_t limit) const;
  uint64_t after_descriptor(const Listed& listed, uint64_t at) const;
  void check_apart(const std::map<uint64_t, std::pair<uint64_t, std::string>>& ranges) const;

  std::span<const char> bytes_;
  std::string path_;
  std::map<std::string, Member, std::less<>> members_;
};

}  // namespace vicinity
