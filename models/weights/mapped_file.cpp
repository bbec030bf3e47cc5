#include "models/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/base/error.h"

namespace vicinity {
namespace {

std::span<const char> map(int file, const std::string& path) {
  struct stat status {};
  VIC_CHECK(DataError, fstat(file, &status) == 0 && S_ISREG(status.st_mode), "'", path,
            "' is not a file");
  if (status.st_size == 0) return {};
  const auto size = static_cast<size_t>(status.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  VIC_CHECK(DataError, data != MAP_FAILED, "cannot map '", path, "' of ", size,
            " bytes into memory: ", std::strerror(errno));
  return {static_cast<const char*>(data), size};
}

}  // namespace

MappedFile::MappedFile(std::string path) : path_(std::move(path)) {
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  VIC_CHECK(DataError, file >= 0, "cannot open '", path_, "': ", std::strerror(errno));
  try {
    bytes_ = map(file, path_);
  } catch (...) {
    close(file);
    throw;
  }
  close(file);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

void MappedFile::let_go(std::span<const char> part) const {
  if (part.data() < bytes_.data() || part.data() + part.size() > bytes_.data() + bytes_.size())
    return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data());
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t last = (begin + part.size()) / page * page;
  if (first < last)
    madvise(const_cast<char*>(part.data() + (first - begin)), last - first, MADV_DONTNEED);
}

}  // namespace vicinity
