#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/sections.h"

namespace vicinity {
namespace {

constexpr size_t kMostClasses = 100, kMostNames = 32, kMostNumbers = 16, kPairs = 12;
constexpr double kSide = 380, kNames = 84;
constexpr int kShades = 8;

std::string number(double value) { return format_fixed(value, 1); }

// From 1, next to nothing, to 8, all images of the class.
int shade_of(const EvaluationRecord::Cell& cell, const EvaluationRecord& e) {
  const double share =
      static_cast<double>(cell.count) / static_cast<double>(e.classes[cell.label].count);
  return std::clamp(static_cast<int>(std::ceil(kShades * std::sqrt(share))), 1, kShades);
}

std::string shortened(const std::string& name) {
  size_t letters = 0, at = 0;
  for (; at < name.size() && letters < 13; ++at)
    letters += (static_cast<unsigned char>(name[at]) & 0xc0) != 0x80;
  while (at < name.size() && (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80) ++at;
  return at < name.size() ? name.substr(0, at) + "\xe2\x80\xa6" : name;
}

Html cells(const EvaluationRecord& e, double margin, double size) {
  Html html;
  for (const EvaluationRecord::Cell& cell : e.confusion) {
    const double x = margin + static_cast<double>(cell.guess) * size;
    const double y = margin + static_cast<double>(cell.label) * size;
    const int shade = shade_of(cell, e);
    html += lone_element("rect",
                         {{"class", str(cell.label == cell.guess ? "right s" : "wrong s", shade)},
                          {"x", number(x)},
                          {"y", number(y)},
                          {"width", number(size)},
                          {"height", number(size)},
                          {"data-n", str(cell.label, " ", cell.guess, " ", cell.count)}});
    if (e.classes.size() > kMostNumbers) continue;
    html += element("text",
                    {{"class", shade > 4 ? "mid strong" : "mid"},
                     {"x", number(x + size / 2)},
                     {"y", number(y + size / 2 + 3.5)}},
                    std::to_string(cell.count));
  }
  return html;
}

Html names(const EvaluationRecord& e, double margin, double size) {
  Html html;
  for (size_t i = 0; i < e.classes.size(); ++i) {
    const std::string name = shortened(e.classes[i].name);
    const double at = margin + (static_cast<double>(i) + 0.5) * size + 3.5;
    html += element("text", {{"class", "end"}, {"x", number(margin - 5)}, {"y", number(at)}}, name);
    html += element(
        "text",
        {{"transform", str("translate(", number(at), " ", number(margin - 5), ") rotate(-90)")}},
        name);
  }
  return html;
}

Html matrix(const EvaluationRecord& e, const std::string& id) {
  const bool named = e.classes.size() <= kMostNames;
  const double margin = named ? kNames : 20, all = margin + kSide + 2;
  const double size = kSide / static_cast<double>(e.classes.size());
  std::string list;
  for (const EvaluationRecord::Class& c : e.classes) list += (list.empty() ? "" : "\n") + c.name;
  Html inside = element("title", {{"id", id + "-t"}}, "Confusion matrix") +
                element("desc", {{"id", id + "-d"}},
                        str("Rows are true classes, columns predictions; ", e.top1, " of ", e.count,
                            " images lie on the diagonal. The pairs that are most often confused "
                            "are in the table below."));
  inside += lone_element("rect", {{"class", "sheet"},
                                  {"x", number(margin)},
                                  {"y", number(margin)},
                                  {"width", number(kSide)},
                                  {"height", number(kSide)}});
  inside += cells(e, margin, size);
  if (named) inside += names(e, margin, size);
  inside += element("text", {{"class", "axis-name"}, {"x", number(margin)}, {"y", "9"}},
                    "columns: prediction, rows: truth");
  return element("svg",
                 {{"viewBox", str("0 0 ", number(all), " ", number(all))},
                  {"role", "img"},
                  {"class", "matrix"},
                  {"aria-labelledby", id + "-t " + id + "-d"},
                  {"data-classes", list}},
                 inside);
}

std::vector<EvaluationRecord::Cell> confused(const EvaluationRecord& e) {
  std::vector<EvaluationRecord::Cell> pairs;
  for (const EvaluationRecord::Cell& cell : e.confusion) {
    if (cell.label != cell.guess) pairs.push_back(cell);
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto& a, const auto& b) { return a.count > b.count; });
  if (pairs.size() > kPairs) pairs.resize(kPairs);
  return pairs;
}

Html pairs_table(const EvaluationRecord& e) {
  std::vector<std::vector<Html>> rows;
  for (const EvaluationRecord::Cell& cell : confused(e)) {
    const EvaluationRecord::Class& truth = e.classes[cell.label];
    rows.push_back(
        {truth.name, e.classes[cell.guess].name, format_count(cell.count),
         percent_text(100.0 * static_cast<double>(cell.count) / static_cast<double>(truth.count))});
  }
  if (rows.empty()) return element("p", "No image was taken for another class.");
  return table("Most often confused", {"truth", "taken for", "#images", "#of the class"}, rows);
}

}  // namespace

Html confusion_section(const RunRecord& run, const std::string& id) {
  if (!run.evaluation) return section(id, "Confusion", no_evaluation(run));
  const EvaluationRecord& e = *run.evaluation;
  Html inner;
  if (e.classes.size() <= kMostClasses) {
    inner += element("figure", matrix(e, id));
  } else {
    inner += element("p", str("A matrix of ", e.classes.size(),
                              " classes is not drawn; vicinity eval --out writes all of it."));
  }
  return section(id, "Confusion", element("div", {{"class", "pair"}}, inner + pairs_table(e)));
}

}  // namespace vicinity
