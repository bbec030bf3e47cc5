#include "core/config/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include <cctype>
#include <charconv>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

// True for text that stays one plain scalar wherever it stands, whatever its type.
bool is_plain(const std::string& text) {
  if (text.empty() || text.back() == ' ') return false;
  const auto safe = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '/' || c == '+' || c == '-' || c == '%';
  };
  const unsigned char first = static_cast<unsigned char>(text.front());
  if (!safe(first) || first == '%' || text == "-" || starts_with(text, "- ")) return false;
  for (unsigned char c : text) {
    if (!safe(c) && c != ' ') return false;
  }
  return !starts_with(text, "---") && !starts_with(text, "...");
}

bool reads_as_another_type(const std::string& text) {
  static const std::vector<std::string> kWords = {"null", "true",  "false", "yes", "no",
                                                  "on",   "off",   "y",     "n",   ".inf",
                                                  ".nan", "-.inf", "+.inf"};
  for (const std::string& word : kWords) {
    if (lower(text) == word) return true;
  }
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  double number = 0;
  const auto result = std::from_chars(begin, end, number);
  // 0x1F, 0o17: numbers to YAML.
  return (result.ec != std::errc::invalid_argument && result.ptr == end) ||
         starts_with(text, "0x") || starts_with(text, "0o");
}

void count_values(const YAML::Node& node, int depth, int& left) {
  VIC_CHECK(ConfigError, depth > 0,
            "values nest more than 64 deep; does an anchor (&name) contain its own alias (*name)?");
  VIC_CHECK(ConfigError, --left >= 0, "more than 200,000 values, aliases (*name) written out");
  if (!node.IsDefined() || node.IsScalar() || node.IsNull()) return;
  for (const auto& item : node) {
    if (node.IsMap()) {
      count_values(item.first, depth - 1, left);
      count_values(item.second, depth - 1, left);
    } else {
      count_values(item, depth - 1, left);
    }
  }
}

}  // namespace

void check_extent(const YAML::Node& node) {
  int left = 200'000;
  count_values(node, 64, left);
}

std::string yaml_string(const std::string& text) {
  return is_plain(text) && !reads_as_another_type(text) ? text : json_quote(text);
}

std::string yaml_text(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "null";
  if (node.IsScalar()) {
    const bool quoted = node.Tag() == "!";
    if (quoted) return json_quote(node.Scalar());
    return is_plain(node.Scalar()) ? node.Scalar() : json_quote(node.Scalar());
  }
  std::vector<std::string> parts;
  for (const auto& item : node) {
    if (node.IsSequence()) {
      parts.push_back(yaml_text(item));
    } else {
      const std::string key = yaml_text(item.first);  // up to 1024 characters without a mark
      parts.push_back((key.size() > 1000 ? "? " : "") + key + ": " + yaml_text(item.second));
    }
  }
  return (node.IsSequence() ? "[" : "{") + join(parts, ", ") + (node.IsSequence() ? "]" : "}");
}

}  // namespace vicinity
