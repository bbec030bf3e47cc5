// Tar archives made byte by byte, sound and unsound.
#pragma once

#include <cstdint>
#include <string>

namespace vicinity::testing {

/// One header block. `size_text`: the field of the size as it is to stand there, where it is not
/// octal.
struct TarHeader {
  std::string name;
  uint64_t size = 0;
  char kind = '0';
  std::string prefix = {};
  std::string size_text = {};
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
};

/// So many octal digits and a zero byte.
inline std::string octal(uint64_t value, int digits) {
  std::string text(static_cast<size_t>(digits) + 1, '\0');
  for (int i = digits - 1; i >= 0; --i, value >>= 3)
    text[static_cast<size_t>(i)] = static_cast<char>('0' + (value & 7));
  return text;
}

inline std::string tar_header(const TarHeader& h) {
  std::string block(512, '\0');
  const auto put = [&](size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  put(0, h.name.substr(0, 100));
  put(100, octal(0644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, h.size_text.empty() ? octal(h.size, 11) : h.size_text);
  put(136, octal(0, 11));
  put(148, "        ");
  put(156, std::string(1, h.kind));
  put(257, h.magic);
  put(345, h.prefix);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<uint8_t>(c);
  put(148, octal(sum, 6));
  block[155] = ' ';
  return block;
}

inline std::string tar_padded(const std::string& body) {
  return body + std::string((512 - body.size() % 512) % 512, '\0');
}

inline std::string tar_member(TarHeader header, const std::string& body) {
  if (header.size == 0) header.size = body.size();
  return tar_header(header) + tar_padded(body);
}

inline std::string tar_file(const std::string& name, const std::string& body) {
  return tar_member({.name = name}, body);
}

inline std::string tar_end() { return std::string(1024, '\0'); }

/// One pax record, "LENGTH KEY=VALUE\n".
inline std::string pax_record(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

}  // namespace vicinity::testing
