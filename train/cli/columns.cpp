#include "train/cli/columns.h"

#include <algorithm>

namespace vicinity {
namespace {

std::string blanks(const std::string& text, size_t width) {
  const size_t own = text_width(text);
  return std::string(own < width ? width - own : 0, ' ');
}

}  // namespace

size_t text_width(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins));
}

std::string padded(const std::string& text, size_t width) { return text + blanks(text, width); }
std::string padded_left(const std::string& text, size_t width) {
  return blanks(text, width) + text;
}

}  // namespace vicinity
