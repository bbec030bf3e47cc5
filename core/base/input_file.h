// A file that many threads read at any place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace vicinity {

class InputFile {
 public:
  /// DataError if there is no such file, or if it is not a plain one.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }
  /// The bytes from `at` on; fewer where the file ends. DataError if the system refuses.
  size_t read_some(uint64_t at, void* to, size_t bytes) const;
  /// All of them. DataError if the file ends before.
  void read(uint64_t at, void* to, size_t bytes) const;
  std::string text(uint64_t at, size_t bytes) const;

 private:
  std::string path_;
  int file_;
  uint64_t size_ = 0;
};

}  // namespace vicinity
