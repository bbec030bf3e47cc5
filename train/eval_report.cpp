#include "train/eval_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

double ratio_percent(int64_t part, int64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// How many logits are larger than that of the label, or equal and earlier.
int64_t rank_of(const double* logits, int64_t classes, int32_t label) {
  int64_t rank = 0;
  for (int64_t k = 0; k < classes; ++k)
    rank += logits[k] > logits[label] || (logits[k] == logits[label] && k < label);
  return rank;
}

}  // namespace

double ClassReport::recall() const { return ratio_percent(correct, count); }
double ClassReport::precision() const { return ratio_percent(correct, predicted); }

void EvalReport::add(const Prediction& prediction) {
  predictions_.push_back(prediction);
  top1_ += prediction.rank == 0;
  top5_ += prediction.rank < 5;
  loss_sum_ += prediction.loss;
}

void EvalReport::add_logits(int64_t index, int32_t label, const double* logits) {
  const double* end = logits + classes_;
  const double* most = std::max_element(logits, end);
  double sum = 0;
  bool finite = true;
  for (const double* logit = logits; logit < end; ++logit) {
    finite = finite && std::isfinite(*logit);
    sum += std::exp(*logit - *most);
  }
  VIC_CHECK(DivergedError, finite, "the logits of image ", index,
            " are not finite: the weights of the model are damaged or have diverged");
  add({.index = index,
       .label = label,
       .guess = static_cast<int32_t>(most - logits),
       .rank = rank_of(logits, classes_, label),
       .confidence = 1 / sum,
       .true_probability = std::exp(logits[label] - *most) / sum,
       .loss = std::log(sum) + *most - logits[label]});
}

std::vector<ClassReport> EvalReport::per_class() const {
  std::vector<ClassReport> classes(static_cast<size_t>(classes_));
  for (const Prediction& p : predictions_) {
    ++classes[static_cast<size_t>(p.label)].count;
    ++classes[static_cast<size_t>(p.guess)].predicted;
    classes[static_cast<size_t>(p.label)].correct += p.rank == 0;
  }
  return classes;
}

double EvalReport::balanced_percent() const {
  double sum = 0;
  int64_t present = 0;
  for (const ClassReport& c : per_class()) {
    if (c.count == 0) continue;
    sum += c.recall();
    ++present;
  }
  return sum / static_cast<double>(present);
}

bool EvalReport::unbalanced() const {
  int64_t least = count(), most = 0;
  for (const ClassReport& c : per_class()) {
    if (c.count == 0) continue;
    least = std::min(least, c.count);
    most = std::max(most, c.count);
  }
  return least < most;
}

std::vector<ConfusionCell> EvalReport::confusion() const {
  std::map<std::pair<int32_t, int32_t>, int64_t> counts;
  for (const Prediction& p : predictions_) ++counts[{p.label, p.guess}];
  std::vector<ConfusionCell> cells;
  cells.reserve(counts.size());
  for (const auto& [pair, count] : counts) cells.push_back({pair.first, pair.second, count});
  return cells;
}

std::vector<CalibrationBin> EvalReport::calibration(int bins) const {
  std::vector<CalibrationBin> result(static_cast<size_t>(bins));
  for (int b = 0; b < bins; ++b) {
    result[static_cast<size_t>(b)].low = static_cast<double>(b) / bins;
    result[static_cast<size_t>(b)].high = static_cast<double>(b + 1) / bins;
  }
  for (const Prediction& p : predictions_) {
    const auto above = static_cast<int>(std::ceil(p.confidence * bins));
    CalibrationBin& bin = result[static_cast<size_t>(std::clamp(above, 1, bins) - 1)];
    ++bin.count;
    bin.correct += p.rank == 0;
    bin.confidence += p.confidence;
  }
  for (CalibrationBin& bin : result) {
    if (bin.count > 0) bin.confidence /= static_cast<double>(bin.count);
  }
  return result;
}

double EvalReport::ece() const {
  double error = 0;
  for (const CalibrationBin& bin : calibration()) {
    if (bin.count == 0) continue;
    const auto n = static_cast<double>(bin.count);
    error += n / static_cast<double>(count()) *
             std::abs(static_cast<double>(bin.correct) / n - bin.confidence);
  }
  return error;
}

std::vector<Prediction> EvalReport::worst(size_t most) const {
  std::vector<Prediction> wrong;
  for (const Prediction& p : predictions_) {
    if (p.rank > 0) wrong.push_back(p);
  }
  std::stable_sort(wrong.begin(), wrong.end(), [](const Prediction& a, const Prediction& b) {
    return a.confidence > b.confidence;
  });
  if (wrong.size() > most) wrong.resize(most);
  return wrong;
}

std::string EvalReport::text() const {
  const std::string balanced =
      unbalanced() ? str(", balanced ", format_fixed(balanced_percent(), 2), " %") : "";
  return str("top-1 ", format_fixed(top1_percent(), 2), " % (", format_count(top1_), " of ",
             format_count(count()), ")", balanced, ", top-5 ", format_fixed(top5_percent(), 2),
             " %, loss ", format_fixed(mean_loss(), 4), ", ECE ", format_fixed(ece(), 4));
}

}  // namespace vicinity
