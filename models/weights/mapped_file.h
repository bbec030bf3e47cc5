// A file's bytes as memory, read from the disk when they are looked at.
#pragma once

#include <span>
#include <string>

namespace vicinity {

/// A whole file, mapped for reading only. DataError if it cannot be opened or is no plain file.
/// Another program that shortens the file meanwhile ends this one with SIGBUS: files are replaced
/// by renaming, as every writer here does.
class MappedFile {
 public:
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const char> bytes() const { return bytes_; }
  /// Bytes that were copied need no memory of this process any more; looking at them again works.
  /// Does nothing where `part` is not of this file.
  void let_go(std::span<const char> part) const;

 private:
  std::string path_;
  std::span<const char> bytes_;
};

}  // namespace vicinity
