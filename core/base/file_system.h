// The system calls that make files durable, as an interface, so that tests can make each of them
// fail, fall short or be the last of the process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace vicinity {

/// Each is the system call of its name: -1 and errno on failure.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual int open(const std::string& path, int flags, mode_t mode);
  virtual ssize_t write(int file, const void* data, size_t bytes);
  virtual int fsync(int file);
  virtual int close(int file);
  virtual int rename(const std::string& from, const std::string& to);
  virtual int mkdir(const std::string& path, mode_t mode);
  virtual int symlink(const std::string& target, const std::string& path);
  virtual int unlink(const std::string& path);
  virtual int rmdir(const std::string& path);
};

/// That of the operating system.
FileSystem& system_files();

}  // namespace vicinity
