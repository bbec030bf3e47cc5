#include "core/base/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace vicinity {

int FileSystem::open(const std::string& path, int flags, mode_t mode) {
  return ::open(path.c_str(), flags, mode);
}
ssize_t FileSystem::write(int file, const void* data, size_t bytes) {
  return ::write(file, data, bytes);
}
int FileSystem::fsync(int file) { return ::fsync(file); }
int FileSystem::close(int file) { return ::close(file); }
int FileSystem::rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str());
}
int FileSystem::mkdir(const std::string& path, mode_t mode) { return ::mkdir(path.c_str(), mode); }
int FileSystem::symlink(const std::string& target, const std::string& path) {
  return ::symlink(target.c_str(), path.c_str());
}
int FileSystem::unlink(const std::string& path) { return ::unlink(path.c_str()); }
int FileSystem::rmdir(const std::string& path) { return ::rmdir(path.c_str()); }

FileSystem& system_files() {
  static FileSystem instance;
  return instance;
}

}  // namespace vicinity
