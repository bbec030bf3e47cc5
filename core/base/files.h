// Files that are whole or absent: written under a temporary name, synced, then renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/file_system.h"

namespace vicinity {

/// A file being written. IoError on any refusal of the system, naming the path, what was asked and
/// why.
class FileWriter {
 public:
  enum class Mode { replace, append };
  /// Creates or truncates `path`, or writes behind what is there.
  explicit FileWriter(std::string path, FileSystem& system = system_files())
      : FileWriter(std::move(path), Mode::replace, system) {}
  FileWriter(std::string path, Mode mode, FileSystem& system = system_files());
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(const void* data, size_t bytes);
  void write(const std::string& text) { write(text.data(), text.size()); }
  /// Forces the bytes to the disk.
  void sync();
  /// sync, then closes.
  void finish();

 private:
  std::string path_;
  FileSystem& system_;
  int file_ = -1;
};

/// Writes all of `bytes` to an open file at an offset. IoError naming `path`.
void write_at(int file, std::string_view bytes, uint64_t at, const std::string& path);
/// Makes a file longer or shorter; what is new reads as zeros. IoError if the system refuses.
void resize_file(const std::string& path, uint64_t bytes);
/// IoError, with both numbers, if the disk that `path` would lie on has no room for `bytes`.
void check_room(const std::string& path, uint64_t bytes);

/// Writes what `fill` writes to `path` by way of a temporary neighbour, sync and rename; where that
/// fails, `path` is as it was and the neighbour is gone.
void write_file_atomically(const std::string& path, const std::function<void(FileWriter&)>& fill);
void write_file_atomically(const std::string& path, const std::string& text);
/// The whole file. IoError if it cannot be read.
std::string read_file(const std::string& path);
/// Forces to the disk what has been written to a file so far.
void sync_file(const std::string& path, FileSystem& system = system_files());
/// Makes a rename inside `directory` survive a power cut.
void sync_directory(const std::string& directory, FileSystem& system = system_files());
/// Renames and syncs the directory that holds `to`.
void rename_durably(const std::string& from, const std::string& to,
                    FileSystem& system = system_files());
/// Makes `link` point to `target` from one moment to the next: there is always one.
void replace_link(const std::string& target, const std::string& link,
                  FileSystem& system = system_files());
/// Makes one directory, whose parent is there.
void make_directory(const std::string& path, FileSystem& system = system_files());
/// Removes a directory of files, `first` before the others. IoError names what stays.
void remove_directory(const std::string& path, const std::string& first,
                      FileSystem& system = system_files());
/// Makes the directory and its parents; IoError naming the part that is in the way.
void make_directories(const std::string& path);

/// A directory that this process has for itself until the lock goes, or the process does (flock).
class DirectoryLock {
 public:
  /// held() is false where another process has it. File systems that cannot lock let everyone in.
  explicit DirectoryLock(const std::string& path);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  bool held() const { return held_; }

 private:
  int directory_;
  bool held_;
};

}  // namespace vicinity
