#include "models/weights/names.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

// What a pattern met in a name: the numbers and the weight or bias in their order, and which of its
// alternatives.
struct Match {
  std::vector<std::string> captures;
  size_t alternative = 0;
};

bool is_number(const std::string& part) {
  return !part.empty() &&
         std::all_of(part.begin(), part.end(), [](char c) { return '0' <= c && c <= '9'; });
}

std::optional<Match> match(const std::string& pattern, const std::string& name) {
  const std::vector<std::string> wanted = split(pattern, '.'), parts = split(name, '.');
  if (wanted.size() != parts.size()) return std::nullopt;
  Match result;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string &want = wanted[i], &part = parts[i];
    if (want == "#" ? is_number(part) : want == "*" && (part == "weight" || part == "bias")) {
      result.captures.push_back(part);
      continue;
    }
    const std::vector<std::string> any = split(want, '|');
    const auto found = std::find(any.begin(), any.end(), part);
    if (found == any.end()) return std::nullopt;
    if (any.size() > 1) result.alternative = static_cast<size_t>(found - any.begin());
  }
  return result;
}

std::string fill(const std::string& pattern, const Match& match, size_t alternative) {
  std::vector<std::string> parts = split(pattern, '.');
  size_t next = 0;
  for (std::string& part : parts) {
    if (part == "#" || part == "*") {
      part = match.captures[next++];
    } else if (part.find('|') != std::string::npos) {
      part = split(part, '|')[alternative];
    }
  }
  return join(parts, ".");
}

size_t alternatives(const std::string& pattern) {
  return 1 + static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '|'));
}

std::vector<std::string> fill_all(const std::string& pattern, const Match& match) {
  std::vector<std::string> names;
  for (size_t i = 0; i < alternatives(pattern); ++i) names.push_back(fill(pattern, match, i));
  return names;
}

}  // namespace

const char* name_of(NameFormat format) {
  switch (format) {
    case NameFormat::hf:
      return "Hugging Face";
    case NameFormat::original:
      return "original";
    case NameFormat::timm:
      return "timm";
  }
  return "";
}

NameFormat parse_name_format(const std::string& name) {
  if (name == "hf") return NameFormat::hf;
  if (name == "original") return NameFormat::original;
  if (name == "timm") return NameFormat::timm;
  VIC_FAIL(UsageError, "no names '", name, "'; there are hf, original, timm");
}

std::vector<NameRule> name_rules(const std::string& family, NameFormat format, bool swiglu) {
  if (format == NameFormat::hf) return {};
  if (family == "dinat") {
    VIC_CHECK(UsageError, format == NameFormat::original,
              "timm has no DiNAT and so no names for it; there are hf and original");
    return dinat_original_rules();
  }
  return format == NameFormat::timm ? dinov2_timm_rules(swiglu) : dinov2_original_rules();
}

std::optional<Place> place_of(const std::vector<NameRule>& rules, const std::string& published) {
  if (rules.empty()) return Place{{published}};
  for (const NameRule& rule : rules) {
    if (const auto found = match(rule.published, published)) {
      return Place{fill_all(rule.other, *found), static_cast<int64_t>(found->alternative),
                   static_cast<int64_t>(alternatives(rule.published))};
    }
  }
  return std::nullopt;
}

std::vector<std::string> published_of(const std::vector<NameRule>& rules,
                                      const std::string& other) {
  if (rules.empty()) return {other};
  for (const NameRule& rule : rules) {
    if (const auto found = match(rule.other, other)) return fill_all(rule.published, *found);
  }
  return {};
}

std::string bare_name(const std::string& name) {
  for (const char* prefix : {"dinat.", "nat.", "dinov2.", "dinov2_with_registers."}) {
    if (starts_with(name, prefix)) return name.substr(std::string(prefix).size());
  }
  return name;
}

}  // namespace vicinity
