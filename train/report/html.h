// HTML whose text cannot break out: a string becomes Html by being escaped, code only by raw().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vicinity {

/// & < > " ' as entities; bytes that are no UTF-8 and control characters as U+FFFD. For text and
/// for attribute values in double quotes.
std::string escape_html(std::string_view text);

class Html {
 public:
  Html() = default;
  /// Text: escaped.
  Html(std::string_view text) : code_(escape_html(text)) {}
  Html(const std::string& text) : Html(std::string_view(text)) {}
  Html(const char* text) : Html(std::string_view(text)) {}
  /// Code of our own, never anything that was read.
  static Html raw(std::string code) {
    Html html;
    html.code_ = std::move(code);
    return html;
  }

  Html& operator+=(const Html& more) {
    code_ += more.code_;
    return *this;
  }
  friend Html operator+(Html a, const Html& b) { return std::move(a += b); }
  const std::string& code() const { return code_; }
  bool empty() const { return code_.empty(); }

 private:
  std::string code_;
};

using Attributes = std::vector<std::pair<const char*, std::string>>;

/// <name a="b">inner</name>. Values are escaped; an attribute without value is {"open", ""}.
Html element(const char* name, const Attributes& attributes, const Html& inner);
Html element(const char* name, const Html& inner);
/// <name a="b"/>: img, rect, path.
Html lone_element(const char* name, const Attributes& attributes);

/// A table with a caption, in a box that scrolls by itself where it is too wide. A column that
/// begins with '#' holds numbers.
Html table(const std::string& caption, const std::vector<std::string>& columns,
           const std::vector<std::vector<Html>>& rows);
/// What opens at a click.
Html details(const std::string& summary, const Html& inner);
/// A part of the page with its heading.
Html section(const std::string& id, const std::string& heading, const Html& inner);
/// "&nbsp;"-free short text for numbers: 5 significant digits at most.
std::string short_number(double value);

}  // namespace vicinity
