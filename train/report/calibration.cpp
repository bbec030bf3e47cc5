#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/axis.h"
#include "train/report/sections.h"

namespace vicinity {
namespace {

// In units of the drawing: the diagram, and below it how many images there are in each bin.
constexpr double kWidth = 304, kLeft = 34, kRight = 16, kTop = 8, kSide = kWidth - kLeft - kRight;
constexpr double kCounts = 50, kGap = 8, kHeight = kTop + kSide + kGap + kCounts + 34;

std::string number(double value) { return format_fixed(value, 1); }
double x_of(double share) { return kLeft + share * kSide; }
double y_of(double share) { return kTop + (1 - share) * kSide; }

Html box(const char* kind, double x, double y, double width, double height) {
  return lone_element("rect", {{"class", kind},
                               {"x", number(x)},
                               {"y", number(y)},
                               {"width", number(width)},
                               {"height", number(height)}});
}

Html bars(const EvaluationRecord& e) {
  int64_t most = 1;
  for (const EvaluationRecord::Bin& bin : e.calibration) most = std::max(most, bin.count);
  Html html;
  for (const EvaluationRecord::Bin& bin : e.calibration) {
    if (bin.count == 0) continue;
    const double right = static_cast<double>(bin.correct) / static_cast<double>(bin.count);
    const double x = x_of(bin.low) + 1, width = (bin.high - bin.low) * kSide - 2;
    html += box("accuracy", x, y_of(right), width, right * kSide);
    html += lone_element(
        "path",
        {{"class", "confidence"},
         {"d", str("M", number(x), " ", number(y_of(bin.confidence)), "h", number(width))}});
    const double height = kCounts * static_cast<double>(bin.count) / static_cast<double>(most);
    html += box("count", x, kTop + kSide + kGap + kCounts - height, width, height);
  }
  return html;
}

Html scales() {
  Html html = lone_element("path", {{"class", "diagonal"},
                                    {"d", str("M", number(x_of(0)), " ", number(y_of(0)), "L",
                                              number(x_of(1)), " ", number(y_of(1)))}});
  const double bottom = kTop + kSide + kGap + kCounts;
  for (const int percent : {0, 25, 50, 75, 100}) {
    const double share = percent / 100.0;
    html += element("text",
                    {{"class", "end"}, {"x", number(kLeft - 5)}, {"y", number(y_of(share) + 4)}},
                    std::to_string(percent));
    html +=
        element("text", {{"class", "mid"}, {"x", number(x_of(share))}, {"y", number(bottom + 14)}},
                std::to_string(percent));
  }
  html += element("text", {{"class", "mid"}, {"x", number(x_of(0.5))}, {"y", number(bottom + 28)}},
                  "confidence (%)");
  return html;
}

Html diagram(const EvaluationRecord& e, const std::string& id) {
  return element(
      "svg",
      {{"viewBox", str("0 0 ", number(kWidth), " ", number(kHeight))},
       {"role", "img"},
       {"class", "calibration"},
       {"aria-labelledby", id + "-t " + id + "-d"}},
      element("title", {{"id", id + "-t"}}, "Calibration") +
          element(
              "desc", {{"id", id + "-d"}},
              str("Accuracy of the images in each range of confidence; on the diagonal they are "
                  "equal. Expected calibration error ",
                  format_fixed(100 * e.ece, 2), " %. Below, how many images there are.")) +
          box("sheet", kLeft, kTop, kSide, kSide) + bars(e) + scales());
}

Html bins_table(const EvaluationRecord& e) {
  std::vector<std::vector<Html>> rows;
  for (const EvaluationRecord::Bin& bin : e.calibration) {
    if (bin.count == 0) continue;
    rows.push_back(
        {str(format_fixed(100 * bin.low, 0), " to ", format_fixed(100 * bin.high, 0)),
         percent_text(100 * bin.confidence),
         percent_text(100.0 * static_cast<double>(bin.correct) / static_cast<double>(bin.count)),
         format_count(bin.count)});
  }
  return table("By confidence", {"#confidence (%)", "#mean", "#right", "#images"}, rows);
}

// Confidence above accuracy, or below it.
std::string verdict(const EvaluationRecord& e) {
  double confidence = 0;
  for (const EvaluationRecord::Bin& bin : e.calibration)
    confidence += bin.confidence * static_cast<double>(bin.count) / static_cast<double>(e.count);
  const double right = static_cast<double>(e.top1) / static_cast<double>(e.count);
  return str("Expected calibration error (ECE) ", format_fixed(100 * e.ece, 2),
             " %: mean confidence ", format_fixed(100 * confidence, 1), " %, right ",
             format_fixed(100 * right, 1), " %; the model is ",
             confidence > right ? "over" : "under", "confident on the whole.");
}

}  // namespace

Html calibration_section(const RunRecord& run, const std::string& id) {
  if (!run.evaluation || run.evaluation->count == 0)
    return section(id, "Calibration", no_evaluation(run));
  const EvaluationRecord& e = *run.evaluation;
  const Html legend = element(
      "ul", {{"class", "legend"}},
      element("li", element("span", {{"class", "swatch accuracy"}}, "") + "right") +
          element("li", element("span", {{"class", "swatch confidence"}}, "") + "mean confidence"));
  return section(id, "Calibration",
                 element("p", verdict(e)) +
                     element("div", {{"class", "pair"}},
                             element("figure", legend + diagram(e, id)) + bins_table(e)));
}

}  // namespace vicinity
