#include "data/source/class_order.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

constexpr size_t kListed = 20;

bool is_whole_number(const std::string& text) {
  return !text.empty() && text.size() <= 9 && (text == "0" || text[0] != '0') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string first_names(const std::vector<std::string>& names) {
  if (names.size() <= kListed) return join(names, ", ");
  const std::vector<std::string> first(names.begin(), names.begin() + kListed);
  return join(first, ", ") + ", ...";
}

}  // namespace

int32_t ClassOrder::add(const std::string& text) {
  const auto [at, fresh] = numbers_.try_emplace(text, static_cast<int32_t>(texts_.size()));
  if (fresh) texts_.push_back(text);
  return at->second;
}

ClassOrder::Classes ClassOrder::classes(const std::vector<std::string>& known,
                                        const std::string& where) const {
  Classes result{known, {}};
  if (known.empty()) {
    result.names = texts_;
    const bool numbers = std::all_of(texts_.begin(), texts_.end(), is_whole_number);
    std::sort(result.names.begin(), result.names.end(),
              [&](const std::string& a, const std::string& b) {
                return numbers && a.size() != b.size() ? a.size() < b.size() : a < b;
              });
  }
  std::unordered_map<std::string, int32_t> labels;
  for (size_t i = 0; i < result.names.size(); ++i)
    labels.try_emplace(result.names[i], static_cast<int32_t>(i));
  for (const std::string& text : texts_) {
    const auto found = labels.find(text);
    VIC_CHECK(DataError, found != labels.end(), "class '", text, "' of '", where,
              "' is not among the training classes (", first_names(known),
              "); rename it or add training images");
    result.label.push_back(found->second);
  }
  return result;
}

}  // namespace vicinity
