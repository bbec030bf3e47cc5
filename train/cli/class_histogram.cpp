#include "train/cli/class_histogram.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/cli/columns.h"

namespace vicinity {
namespace {

constexpr size_t kMostLines = 50, kExtremes = 5;
constexpr int64_t kBar = 40;

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
  for (const std::string& name : names)
    width = std::max(width, std::min<size_t>(text_width(name), 40));
  std::string text;
  for (size_t i = 0; i < order.size(); ++i) {
    if (!all && i == kExtremes) {
      i = order.size() - kExtremes;
      text +=
          str("  ", padded("...", width), "  ", names.size() - 2 * kExtremes, " classes between\n");
    }
    const size_t c = order[i];
    const auto bar = static_cast<size_t>((train[c] * kBar + most - 1) / most);
    text += str("  ", padded(names[c], width), "  ", padded_left(format_count(train[c]), 9),
                padded_left("+ " + format_count(val[c]), 9), "  ", std::string(bar, '#'), "\n");
  }
  return text;
}

}  // namespace vicinity
