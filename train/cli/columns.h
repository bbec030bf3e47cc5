// Columns of text for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace vicinity {

/// Characters of UTF-8, each of which takes a column: "é" is one in two bytes.
size_t text_width(std::string_view text);
/// The text with blanks behind it up to `width` columns, or in front of it; none where it is wider.
std::string padded(const std::string& text, size_t width);
std::string padded_left(const std::string& text, size_t width);

}  // namespace vicinity
