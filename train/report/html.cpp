#include "train/report/html.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace vicinity {
namespace {

constexpr const char* kReplacement = "\xef\xbf\xbd";

// Bytes of the UTF-8 sequence at the front, 0 if there is none (RFC 3629: no overlong form, no
// surrogate, nothing above U+10FFFF).
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[length] || code > 0x10ffff || surrogate ? 0 : length;
}

std::string escaped_ascii(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      break;
  }
  const bool control =
      (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
  return control ? kReplacement : std::string(1, c);
}

std::string opening(const char* name, const Attributes& attributes) {
  std::string code = std::string("<") + name;
  for (const auto& [attribute, value] : attributes) {
    code += std::string(" ") + attribute;
    if (!value.empty()) code += "=\"" + escape_html(value) + "\"";
  }
  return code;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 1) {
      result += escaped_ascii(text[0]);
    } else {
      result += length == 0 ? kReplacement : std::string(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

Html element(const char* name, const Attributes& attributes, const Html& inner) {
  return Html::raw(opening(name, attributes) + ">" + inner.code() + "</" + name + ">");
}

Html element(const char* name, const Html& inner) { return element(name, {}, inner); }

Html lone_element(const char* name, const Attributes& attributes) {
  return Html::raw(opening(name, attributes) + "/>");
}

Html table(const std::string& caption, const std::vector<std::string>& columns,
           const std::vector<std::vector<Html>>& rows) {
  Html head, body;
  std::vector<Attributes> kinds;
  for (const std::string& column : columns) {
    const bool number = !column.empty() && column[0] == '#';
    kinds.push_back(number ? Attributes{{"class", "n"}} : Attributes{});
    Attributes attributes = kinds.back();
    attributes.emplace_back("scope", "col");
    head += element("th", attributes, column.substr(number ? 1 : 0));
  }
  for (const std::vector<Html>& row : rows) {
    Html cells;
    for (size_t i = 0; i < row.size(); ++i) cells += element("td", kinds[i], row[i]);
    body += element("tr", cells);
  }
  return element(
      "div", {{"class", "wide"}, {"tabindex", "0"}},
      element("table", element("caption", caption) + element("thead", element("tr", head)) +
                           element("tbody", body)));
}

Html details(const std::string& summary, const Html& inner) {
  return element("details", element("summary", summary) + inner);
}

Html section(const std::string& id, const std::string& heading, const Html& inner) {
  return element("section", {{"aria-labelledby", id}},
                 element("h2", {{"id", id}}, heading) + inner);
}

std::string short_number(double value) {
  if (std::isnan(value)) return "NaN";
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.5g", value);
  return text.data();
}

}  // namespace vicinity
