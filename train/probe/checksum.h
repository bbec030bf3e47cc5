// A 64-bit checksum for recognising what was seen before: fast, not for adversaries.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace vicinity {

/// FNV-1a over 8-byte words, each folded once more so that high bits reach low ones.
class Checksum {
 public:
  void add(std::string_view bytes) {
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, 8);
      mix(word);
    }
    uint64_t rest = 0;
    if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
    mix(rest);
    mix(bytes.size());
  }
  void add(uint64_t number) { mix(number); }
  uint64_t value() const { return hash_; }
  std::string text() const {
    std::array<char, 20> digits;
    std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(hash_));
    return digits.data();
  }

 private:
  void mix(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001B3ull;
    hash_ ^= hash_ >> 32;
  }
  uint64_t hash_ = 0xCBF29CE484222325ull;
};

}  // namespace vicinity
