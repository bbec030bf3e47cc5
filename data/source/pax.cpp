#include "data/source/pax.h"

#include <charconv>

#include "core/base/error.h"

namespace vicinity {
namespace {

// Digits and nothing else.
bool read_digits(std::string_view text, uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

// Records "LENGTH KEY=VALUE\n"; LENGTH counts the whole record.
std::vector<std::pair<std::string_view, std::string_view>> pax_records(std::string_view body,
                                                                       const std::string& where) {
  std::vector<std::pair<std::string_view, std::string_view>> records;
  while (!body.empty()) {
    const size_t blank = body.find(' ');
    uint64_t length = 0;
    const bool sound = blank != std::string_view::npos &&
                       read_digits(body.substr(0, blank), length) && length > blank + 1 &&
                       length <= body.size() && body[length - 1] == '\n';
    VIC_CHECK(DataError, sound, where, ": a damaged pax record");
    const std::string_view record = body.substr(blank + 1, length - blank - 2);
    const size_t equals = record.find('=');
    VIC_CHECK(DataError, equals != std::string_view::npos, where, ": a damaged pax record");
    records.emplace_back(record.substr(0, equals), record.substr(equals + 1));
    body.remove_prefix(length);
  }
  return records;
}

uint64_t pax_number(std::string_view value, const std::string& where) {
  uint64_t number = 0;
  VIC_CHECK(DataError, read_digits(value, number), where, ": a size of '", value, "'");
  return number;
}

}  // namespace vicinity
