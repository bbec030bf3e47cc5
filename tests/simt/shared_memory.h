// What an emulated block has as shared memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace vicinity::simt {

/// Shared memory of one array: NaNs to start with, fenced behind.
class Shared {
 public:
  explicit Shared(size_t bytes) : bytes_(bytes), storage_(bytes + kGuard + 128, kFence) {
    std::memset(data(), kPoison, bytes);
  }
  unsigned char* data() {
    const auto at = reinterpret_cast<uintptr_t>(storage_.data());
    return storage_.data() + ((at + 127) / 128 * 128 - at);
  }
  bool contains(const void* p, size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(p);
    return at >= data() && at + bytes <= data() + bytes_;
  }
  bool fence_intact() {
    return std::all_of(data() + bytes_, data() + bytes_ + kGuard,
                       [](unsigned char byte) { return byte == kFence; });
  }
  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kGuard = 64;
  static constexpr unsigned char kPoison = 0xFF, kFence = 0xA5;

  size_t bytes_;
  std::vector<unsigned char> storage_;
};

}  // namespace vicinity::simt
