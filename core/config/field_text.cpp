#include "core/config/field_text.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/base/text.h"
#include "core/config/yaml_text.h"

namespace vicinity {
namespace {

using TextMap = std::map<std::string, std::string>;

template <class T>
constexpr bool kIsList = false;
template <class T>
constexpr bool kIsList<std::vector<T>> = true;
template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
constexpr bool kIsMap = std::is_same_v<T, TextMap>;

// ---- Types in words

template <class T>
std::string type_words(bool plural = false) {
  const std::string s = plural ? "s" : "";
  if constexpr (kIsList<T>) {
    return (plural ? "lists of " : "list of ") + type_words<typename T::value_type>(true);
  } else if constexpr (kIsOptional<T>) {
    return type_words<typename T::value_type>() + " or null";
  } else if constexpr (kIsMap<T>) {
    return "mapping of names to text";
  } else if constexpr (std::is_same_v<T, bool>) {
    return plural ? "booleans" : "true or false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return plural ? "texts" : "text";
  } else if constexpr (std::is_unsigned_v<T>) {
    return "integer" + s + " >= 0";
  } else {
    return (std::is_integral_v<T> ? "integer" : "number") + s;
  }
}

// ---- Reading

template <class T>
bool parse_integer(const YAML::Node& node, T& value) {
  const std::string& text = node.Scalar();
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const auto result = std::from_chars(begin, text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// Finite ones: nothing that can be configured has a meaning for others.
template <class T>
bool parse_number(const YAML::Node& node, T& value) {
  const std::string& text = node.Scalar();
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const auto result = std::from_chars(begin, text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() &&
         std::isfinite(value);
}

bool parse_bool(const YAML::Node& node, bool& value) {
  const std::string text = lower(node.Scalar());
  value = text == "true" || text == "yes" || text == "on";
  return value || text == "false" || text == "no" || text == "off";
}

template <class T>
bool parse(const YAML::Node& node, T& value) {
  const bool quoted = node.IsScalar() && node.Tag() == "!";
  if constexpr (kIsList<T>) {
    using Element = typename T::value_type;
    if (std::is_same_v<Element, std::string> && node.IsScalar())
      return parse(node, value.emplace_back());    // a list of one
    if (!node.IsSequence()) return node.IsNull();  // "freeze=" leaves the list empty
    for (const YAML::Node& item : node) {
      typename T::value_type element{};
      if (!parse(item, element)) return false;
      value.push_back(std::move(element));
    }
    return true;
  } else if constexpr (kIsOptional<T>) {
    return node.IsNull() || parse(node, value.emplace());
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (node.IsScalar()) value = node.Scalar();
    return node.IsScalar() || node.IsNull();  // "weights=" leaves the text empty
  } else if constexpr (std::is_same_v<T, bool>) {
    return node.IsScalar() && !quoted && parse_bool(node, value);
  } else if constexpr (std::is_integral_v<T>) {
    return node.IsScalar() && !quoted && parse_integer(node, value);
  } else {
    return node.IsScalar() && !quoted && parse_number(node, value);
  }
}

// ---- Writing

template <class T>
std::string number_text(T value) {
  if constexpr (std::is_same_v<T, double>) return format_number(value);
  std::string buffer(64, '\0');  // shortest text that gives the same float
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return buffer.substr(0, static_cast<size_t>(result.ptr - buffer.data()));
}

template <class T>
std::string value_text(const T& value) {
  if constexpr (kIsList<T>) {
    std::vector<std::string> parts;
    for (const auto& element : value) parts.push_back(value_text(element));
    return "[" + join(parts, ", ") + "]";
  } else if constexpr (kIsOptional<T>) {
    return value ? value_text(*value) : "null";
  } else if constexpr (kIsMap<T>) {
    std::vector<std::string> parts;
    for (const auto& [key, text] : value) {
      parts.push_back(yaml_string(key) + ": " + yaml_string(text));
    }
    return "{" + join(parts, ", ") + "}";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return yaml_string(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else {
    return number_text(value);
  }
}

// ---- Checking

template <class T>
bool accepts(const Check& check, const T& value) {
  if constexpr (kIsList<T>) {
    for (const auto& element : value) {
      if (!accepts(check, element)) return false;
    }
    return true;
  } else if constexpr (kIsOptional<T>) {
    return !value || accepts(check, *value);
  } else if constexpr (kIsMap<T>) {
    for (const auto& [key, text] : value) {
      if (!accepts(check, text)) return false;
    }
    return true;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return !check.accepts_text || check.accepts_text(value);
  } else {
    return !check.accepts_number || check.accepts_number(static_cast<double>(value));
  }
}

std::string with_article(const std::string& type) {
  if (starts_with(type, "text") || starts_with(type, "true")) return type;
  return (starts_with(type, "integer") ? "an " : "a ") + type;
}

// "expected an integer"; with the range if an integer was given that does not fit.
template <class T>
std::string expectation(const YAML::Node& node) {
  std::string text = "expected " + with_article(type_words<T>());
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    double number = 0;
    if (node.IsScalar() && parse_number(node, number) && std::trunc(number) == number &&
        std::fabs(number) > 1e9) {
      text += " between " + std::to_string(std::numeric_limits<T>::min()) + " and " +
              std::to_string(std::numeric_limits<T>::max());
    }
  }
  return text;
}

}  // namespace

std::string field_text(const FieldRef& field) {
  return std::visit([](const auto* value) { return value_text(*value); }, field.pointer);
}

std::string type_name(const FieldRef& field) {
  return std::visit([](auto* value) { return type_words<std::decay_t<decltype(*value)>>(); },
                    field.pointer);
}

std::string assign(const FieldRef& field, const std::string& yaml) {
  const YAML::Node node = YAML::Load(yaml);
  return std::visit(
      [&](auto* target) -> std::string {
        using T = std::decay_t<decltype(*target)>;
        if constexpr (kIsMap<T>) {
          return node.IsMap() && node.size() == 0 ? "" : "expected a " + type_words<T>();
        } else {
          T value{};
          if (!parse(node, value)) return expectation<T>(node);
          *target = std::move(value);
          return "";
        }
      },
      field.pointer);
}

std::string violation(const FieldRef& field) {
  for (const Check& check : field.checks) {
    const bool good =
        std::visit([&](const auto* value) { return accepts(check, *value); }, field.pointer);
    if (!good) return "must be " + check.expected;
  }
  return "";
}

}  // namespace vicinity
