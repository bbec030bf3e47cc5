#include <algorithm>

#include "train/report/sections.h"

namespace vicinity {
namespace {

struct Wanted {
  const char* metric;
  const char* name;
  Line::Style style;
  bool alone;  // only where the report is of one run
};

// With one run, colours tell its curves apart; with several they tell the runs apart.
std::vector<Line> lines_of(const std::vector<RunRecord>& runs, const std::vector<Wanted>& wanted) {
  std::vector<Line> lines;
  for (size_t r = 0; r < runs.size(); ++r) {
    for (size_t w = 0; w < wanted.size(); ++w) {
      if (wanted[w].alone && runs.size() > 1) continue;
      const std::string name = runs.size() == 1     ? wanted[w].name
                               : wanted.size() == 1 ? runs[r].name
                                                    : runs[r].name + ", " + wanted[w].name;
      lines.push_back({name, static_cast<int>(runs.size() == 1 ? w : r), wanted[w].style,
                       runs[r].curve(wanted[w].metric)});
    }
  }
  return lines;
}

// One line for all runs of a recipe.
void add_expected(const std::vector<RunRecord>& runs, std::vector<Line>& lines) {
  std::vector<std::string> drawn;
  for (size_t r = 0; r < runs.size(); ++r) {
    std::vector<Point> points = runs[r].expected_curve();
    if (points.empty()) continue;
    const std::string& recipe = runs[r].config->recipe.name;
    if (std::find(drawn.begin(), drawn.end(), recipe) != drawn.end()) continue;
    drawn.push_back(recipe);
    lines.push_back({"expected of " + (recipe.empty() ? "the recipe" : recipe),
                     runs.size() == 1 ? 7 : static_cast<int>(r), Line::Style::expected,
                     std::move(points)});
  }
}

}  // namespace

Html curves_section(const std::vector<RunRecord>& runs) {
  using Style = Line::Style;
  LineChart accuracy{
      .id = "accuracy",
      .title = "Accuracy",
      .unit = "%",
      .lines = lines_of(runs, {{"train/top1", "training, augmented images", Style::steps, false},
                               {"val/top1", "validation top-1", Style::evaluations, false},
                               {"val/top5", "validation top-5", Style::evaluations, true}})};
  add_expected(runs, accuracy.lines);
  const LineChart loss{
      .id = "loss",
      .title = "Loss",
      .lines = lines_of(runs, {{"train/loss", "training", Style::steps, false},
                               {"val/loss", "validation", Style::evaluations, false}}),
      .zero_based = true};
  const LineChart rate{
      .id = "lr",
      .title = "Learning rate",
      .lines = lines_of(runs, {{"train/lr", "learning rate", Style::steps, false}}),
      .zero_based = true};
  const LineChart norm{.id = "grad",
                       .title = "Norm of the gradient, before clipping",
                       .lines = lines_of(runs, {{"train/grad_norm", "norm", Style::steps, false}}),
                       .may_be_logarithmic = true};
  return section(
      "curves", "Curves",
      element("div", {{"class", "charts"}},
              line_chart(accuracy) + line_chart(loss) + line_chart(rate) + line_chart(norm)));
}

}  // namespace vicinity
