// Small text helpers: joining, splitting, nearest name, human units.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vicinity {

std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);
std::string lower(std::string_view text);

/// Insertions, deletions, substitutions and swaps of neighbours that turn a into b.
int edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `name`, or "" if none is near enough to be a plausible slip of the
/// finger.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// 1536 -> "1.5 KiB".
std::string format_bytes(double bytes);
/// 75 -> "1m15s"; 0.25 -> "0.25s".
std::string format_seconds(double seconds);
/// 27901582 -> "27,901,582".
std::string format_count(int64_t value);
/// A number with `digits` digits after the point.
std::string format_fixed(double value, int digits);
/// Shortest decimal text that reads back as the same double ("0.1", "1e-05").
std::string format_number(double value);
/// `text` as a JSON string, quotes included.
std::string json_quote(std::string_view text);

}  // namespace vicinity
