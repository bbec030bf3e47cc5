#include "train/cli/plan_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

constexpr int kColumns = 60, kRows = 8;

std::string rate_text(double rate) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%9.2e", rate);
  return text.data();
}

}  // namespace

std::string draw_schedule(const Schedule& schedule) {
  const int64_t last = std::max<int64_t>(schedule.total_steps - 1, 0);
  std::vector<double> rates;
  for (int column = 0; column < kColumns; ++column)
    rates.push_back(schedule.at(last * column / (kColumns - 1)).lr);
  const double most = *std::max_element(rates.begin(), rates.end());
  std::vector<std::string> rows(kRows, std::string(kColumns, ' '));
  for (int column = 0; column < kColumns; ++column) {
    const double share = most > 0 ? rates[static_cast<size_t>(column)] / most : 0;
    const auto row = static_cast<size_t>(std::lround((1 - share) * (kRows - 1)));
    rows[row][static_cast<size_t>(column)] = '*';
  }
  std::string text;
  for (int row = 0; row < kRows; ++row) {
    const bool labelled = row == 0 || row == kRows - 1;
    text += "  " + (labelled ? rate_text(row == 0 ? most : 0) : std::string(9, ' ')) + " |" +
            rows[static_cast<size_t>(row)].substr(
                0, rows[static_cast<size_t>(row)].find_last_not_of(' ') + 1) +
            "\n";
  }
  const std::string end = "step " + format_count(schedule.total_steps);
  text += "            +" + std::string(kColumns, '-') + "\n             0" +
          std::string(static_cast<size_t>(kColumns) - 1 - std::min<size_t>(end.size(), 50), ' ') +
          end + "\n";
  return text;
}

std::string describe_reach(const std::vector<LevelReach>& levels, int64_t kernel,
                           int64_t image_size) {
  std::string text;
  for (const LevelReach& level : levels) {
    std::vector<std::string> dilations;
    for (const LevelReach::Block& block : level.blocks)
      dilations.push_back(std::to_string(block.dilation) + (level.fits(block) ? "" : "!"));
    text +=
        str("  level ", level.level, "  ", level.map, " x ", level.map, " tokens of ", level.stride,
            " px, dilations ", join(dilations, " "), " (room for ", level.map / kernel,
            "): a token sees ", std::min(level.reach, image_size), " of ", image_size, " px",
            level.fits()
                ? ""
                : str("; ! is wider than the map: kernel ", kernel, " x dilation > ", level.map),
            "\n");
  }
  return text;
}

}  // namespace vicinity
