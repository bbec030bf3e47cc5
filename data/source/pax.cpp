#include "data/source/pax.h"

#include <algorithm>

#include "core/base/error.h"

namespace vicinity {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

uint64_t decimal(std::string_view text) {
  uint64_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<uint64_t>(c - '0');
  return value;
}

}  // namespace

// Records "LENGTH KEY=VALUE\n"; LENGTH counts the whole record.
std::vector<std::pair<std::string_view, std::string_view>> pax_records(std::string_view body,
                                                                       const std::string& where) {
  std::vector<std::pair<std::string_view, std::string_view>> records;
  while (!body.empty()) {
    const size_t blank = body.find(' ');
    const std::string_view digits = body.substr(0, std::min(blank, body.size()));
    const uint64_t length = is_number(digits) ? decimal(digits) : 0;
    const bool sound = blank != std::string_view::npos && length > blank + 1 &&
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
  VIC_CHECK(DataError, is_number(value), where, ": a size of '", value, "'");
  return decimal(value);
}

}  // namespace vicinity
