// The records of a pax extension header (POSIX.1-2017, pax, "pax Extended Header").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vicinity {

/// Keys and values of a body's records, in their order; they are parts of `body`. DataError, which
/// begins with `where`, for what is no list of records.
std::vector<std::pair<std::string_view, std::string_view>> pax_records(std::string_view body,
                                                                       const std::string& where);

/// A value that counts bytes. DataError, which begins with `where`, for anything but digits.
uint64_t pax_number(std::string_view value, const std::string& where);

}  // namespace vicinity
