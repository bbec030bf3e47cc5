// What the fuzz targets share. A target's promise: bytes give a value or an Error, and take memory
// and time in proportion to their number; AddressSanitizer, UBSan and libFuzzer's limits hold it.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "core/base/error.h"

namespace vicinity::fuzz {

/// A file in memory for readers that take a path; its contents are replaced for each input.
class MemoryFile {
 public:
  MemoryFile() : file_(memfd_create("input", MFD_CLOEXEC)) {}
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }
  void set(std::span<const uint8_t> bytes) const {
    const auto size = static_cast<ssize_t>(bytes.size());
    if (ftruncate(file_, 0) != 0 || pwrite(file_, bytes.data(), bytes.size(), 0) != size)
      std::abort();
  }

 private:
  int file_;
};

/// Runs `work`; an Error of a kind that blames the input is an answer, an InternalError is a fault.
template <class Work>
void answer(Work&& work) {
  try {
    work();
  } catch (const InternalError&) {
    throw;
  } catch (const Error&) {
  }
}

}  // namespace vicinity::fuzz
