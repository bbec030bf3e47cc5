#include "core/base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace vicinity {

InputFile::InputFile(std::string path)
    : path_(std::move(path)), file_(open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  VIC_CHECK(DataError, file_ >= 0, "cannot open '", path_, "': ", std::strerror(errno));
  struct stat status {};
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file_);
    VIC_FAIL(DataError, "'", path_, "' is not a file of bytes that can be read at any place");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() { close(file_); }

size_t InputFile::read_some(uint64_t at, void* to, size_t bytes) const {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(file_, static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    VIC_CHECK(DataError, got >= 0, "cannot read '", path_, "' at byte ", at + done, ": ",
              std::strerror(errno));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void InputFile::read(uint64_t at, void* to, size_t bytes) const {
  const size_t done = read_some(at, to, bytes);
  VIC_CHECK(DataError, done == bytes, "'", path_, "' ends after ", at + done, " bytes, ",
            at + bytes, " are needed: it was cut short");
}

std::string InputFile::text(uint64_t at, size_t bytes) const {
  std::string result(bytes, '\0');
  read(at, result.data(), bytes);
  return result;
}

}  // namespace vicinity
