#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/sections.h"

namespace vicinity {
namespace {

constexpr size_t kShown = 20;

double recall(const EvaluationRecord::Class& c) {
  return 100.0 * static_cast<double>(c.correct) / static_cast<double>(c.count);
}

std::string short_percent(double percent) { return format_fixed(percent, 1) + " %"; }

Html bar(double percent) {
  return element("span", {{"class", "bar"}},
                 element("i", {{"style", str("width:", format_fixed(percent, 1), "%")}}, ""));
}

std::vector<Html> row_of(const EvaluationRecord::Class& c) {
  const Html precision = c.predicted == 0 ? "-"
                                          : short_percent(100.0 * static_cast<double>(c.correct) /
                                                          static_cast<double>(c.predicted));
  return {c.name, bar(recall(c)), short_percent(recall(c)), precision, format_count(c.count)};
}

}  // namespace

Html classes_section(const RunRecord& run, const std::string& id) {
  if (!run.evaluation) return section(id, "Classes", no_evaluation(run));
  std::vector<const EvaluationRecord::Class*> classes;
  for (const EvaluationRecord::Class& c : run.evaluation->classes) {
    if (c.count > 0) classes.push_back(&c);
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [](const auto* a, const auto* b) { return recall(*a) < recall(*b); });
  const std::vector<std::string> columns = {"class", "", "#recall", "#precision", "#images"};
  std::vector<std::vector<Html>> first, rest;
  for (size_t i = 0; i < classes.size(); ++i)
    (i < kShown ? first : rest).push_back(row_of(*classes[i]));
  Html inner = table(rest.empty() ? "All classes, the worst first"
                                  : str("The ", kShown, " worst of ", classes.size(), " classes"),
                     columns, first);
  if (!rest.empty())
    inner += details(str("The other ", rest.size()), table("The other classes", columns, rest));
  return section(id, "Classes", element("div", {{"class", "bars"}}, inner));
}

}  // namespace vicinity
