#include "train/cli/class_histogram.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

constexpr size_t kMostLines = 50, kExtremes = 5;
constexpr int64_t kBar = 40;

std::string padded(const std::string& text, size_t width, bool left) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return left ? text + blanks : blanks + text;
}

}  // namespace

std::string class_histogram(const std::vector<std::string>& names,
                            const std::vector<int64_t>& train, const std::vector<int64_t>& val) {
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const bool all = names.size() <= kMostLines;
  if (!all) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return train[a] > train[b]; });
  }
  const int64_t most = std::max<int64_t>(1, *std::max_element(train.begin(), train.end()));
  size_t width = 0;
  for (const std::string& name : names) width = std::max(width, std::min<size_t>(name.size(), 40));
  std::string text;
  for (size_t i = 0; i < order.size(); ++i) {
    if (!all && i == kExtremes) {
      i = order.size() - kExtremes;
      text += str("  ", padded("...", width, true), "  ", names.size() - 2 * kExtremes,
                  " classes between\n");
    }
    const size_t c = order[i];
    const auto bar = static_cast<size_t>((train[c] * kBar + most - 1) / most);
    text += str("  ", padded(names[c], width, true), "  ", padded(format_count(train[c]), 9, false),
                padded("+ " + format_count(val[c]), 9, false), "  ", std::string(bar, '#'), "\n");
  }
  return text;
}

}  // namespace vicinity
