// Numbers of an evaluation: by hand, against a plain reference on random predictions, and the files
// that hold them.
#include "train/eval_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "tests/support/temp_dir.h"
#include "train/eval_files.h"

namespace vicinity::testing {
namespace {

// `count` images called "a, NUMBER".
class NamedImages : public Source {
 public:
  NamedImages(int64_t count, std::vector<std::string> classes) : count_(count) {
    class_names_ = std::move(classes);
  }
  int64_t size() const override { return count_; }
  int32_t label(int64_t) const override { return 0; }
  std::string name(int64_t index) const override { return str("a, ", index); }
  std::string key(int64_t index) const override { return name(index); }
  Stored stored(int64_t) const override { return {}; }
  Layout layout(int64_t) const override { return {}; }
  bool looks_whole(int64_t) const override { return true; }

 private:
  int64_t count_;
};

TEST(EvalReport, CalibrationByHand) {
  EvalReport report(2);
  // Three in (0.6, 0.667] of which two are right, one on the edge 0.8 = 12 / 15, which belongs to
  // the bin below it, one that is sure and wrong.
  for (const auto& [confidence, rank] :
       std::vector<std::pair<double, int>>{{0.61, 0}, {0.63, 0}, {0.65, 1}, {0.8, 0}, {1.0, 1}}) {
    report.add({.label = 0, .guess = rank, .rank = rank, .confidence = confidence});
  }
  const double expected = 3.0 / 5 * std::abs(2.0 / 3 - 0.63) + 1.0 / 5 * std::abs(1 - 0.8) +
                          1.0 / 5 * std::abs(0 - 1.0);
  EXPECT_NEAR(report.ece(), expected, 1e-12);
  const std::vector<CalibrationBin> bins = report.calibration();
  ASSERT_EQ(bins.size(), 15u);
  EXPECT_EQ(bins[9].count, 3);
  EXPECT_EQ(bins[9].correct, 2);
  EXPECT_EQ(bins[11].count, 1);
  EXPECT_EQ(bins[14].count, 1);
  EXPECT_EQ(bins[14].correct, 0);
}

TEST(EvalReport, SoftmaxAndRankByHand) {
  EvalReport report(3);
  const double logits[] = {std::log(2.0), std::log(5.0), std::log(3.0)};
  report.add_logits(7, 2, logits);
  const Prediction& p = report.predictions()[0];
  EXPECT_EQ(p.index, 7);
  EXPECT_EQ(p.guess, 1);
  EXPECT_EQ(p.rank, 1);
  EXPECT_NEAR(p.confidence, 0.5, 1e-12);
  EXPECT_NEAR(p.true_probability, 0.3, 1e-12);
  EXPECT_NEAR(p.loss, -std::log(0.3), 1e-12);

  const double equal[] = {1, 1, 1};  // of equal logits the first comes first
  report.add_logits(8, 0, equal);
  report.add_logits(9, 2, equal);
  EXPECT_EQ(report.predictions()[1].rank, 0);
  EXPECT_EQ(report.predictions()[2].rank, 2);
  EXPECT_EQ(report.top1(), 1);
}

TEST(EvalReport, LargeLogitsDoNotOverflowAndBrokenOnesAreAnError) {
  EvalReport report(2);
  const double large[] = {5000, -5000};
  report.add_logits(0, 1, large);
  EXPECT_DOUBLE_EQ(report.mean_loss(), 10000);
  for (const double broken : {std::nan(""), HUGE_VAL}) {
    const double logits[] = {broken, 1};
    EXPECT_THROW(report.add_logits(1, 0, logits), DivergedError);
    const double other[] = {1, broken};
    EXPECT_THROW(report.add_logits(1, 0, other), DivergedError);
  }
}

// 400 random predictions of 7 classes; class 5 has no images, class 6 is never guessed.
EvalReport random_report() {
  EvalReport report(7);
  Random random(3, Purpose::test);
  for (int64_t i = 0; i < 400; ++i) {
    const auto label = static_cast<int32_t>(random.below(10));
    double logits[7];
    for (double& logit : logits) logit = random.normal();
    logits[6] = -20;
    report.add_logits(i, label > 6 ? 0 : label == 5 ? 6 : label, logits);
  }
  return report;
}

TEST(EvalReport, AgreesWithAPlainReference) {
  const EvalReport report = random_report();
  const std::vector<Prediction>& all = report.predictions();
  const auto count_if = [&](auto&& test) { return std::count_if(all.begin(), all.end(), test); };
  EXPECT_EQ(report.count(), 400);
  EXPECT_EQ(report.top1(), count_if([](const Prediction& p) { return p.label == p.guess; }));
  EXPECT_EQ(report.top5(), count_if([](const Prediction& p) { return p.rank < 5; }));

  double ece = 0, recalls = 0;
  for (int b = 0; b < 15; ++b) {
    double n = 0, right = 0, confidence = 0;
    for (const Prediction& p : all) {
      if (p.confidence <= b / 15.0 || p.confidence > (b + 1) / 15.0) continue;
      ++n;
      right += p.label == p.guess;
      confidence += p.confidence;
    }
    if (n > 0) ece += std::abs(right - confidence) / 400;
  }
  EXPECT_NEAR(report.ece(), ece, 1e-12);

  const std::vector<ClassReport> classes = report.per_class();
  for (int32_t k = 0; k < 7; ++k) {
    const ClassReport& c = classes[static_cast<size_t>(k)];
    EXPECT_EQ(c.count, count_if([&](const Prediction& p) { return p.label == k; }));
    EXPECT_EQ(c.predicted, count_if([&](const Prediction& p) { return p.guess == k; }));
    if (c.count > 0) recalls += c.recall();
  }
  EXPECT_TRUE(std::isnan(classes[5].recall()));
  EXPECT_TRUE(std::isnan(classes[6].precision()));
  EXPECT_NEAR(report.balanced_percent(), recalls / 6, 1e-10);
  EXPECT_TRUE(report.unbalanced());

  int64_t cells = 0;
  for (const ConfusionCell& cell : report.confusion()) {
    cells += cell.count;
    EXPECT_EQ(cell.count, count_if([&](const Prediction& p) {
                return p.label == cell.label && p.guess == cell.guess;
              }));
  }
  EXPECT_EQ(cells, 400);
}

TEST(EvalReport, WorstAreWrongAndMostConfidentFirst) {
  const EvalReport report = random_report();
  const std::vector<Prediction> worst = report.worst(10);
  ASSERT_EQ(worst.size(), 10u);
  for (size_t i = 0; i < worst.size(); ++i) {
    EXPECT_NE(worst[i].label, worst[i].guess);
    EXPECT_LE(worst[i].confidence, worst[i > 0 ? i - 1 : 0].confidence);
  }
  for (const Prediction& p : report.predictions()) {
    const bool listed = std::any_of(worst.begin(), worst.end(),
                                    [&](const Prediction& w) { return w.index == p.index; });
    EXPECT_TRUE(p.rank == 0 || listed || p.confidence <= worst.back().confidence);
  }
}

TEST(EvalFiles, HoldTheCountsAndQuoteNames) {
  EvalReport report = random_report();
  const NamedImages source(400, {"a", "b \"x\"", "c", "d", "e", "f", "g"});
  TempDir out;
  write_eval_files(out.path(), report, source, {.model = "m", .step = 12});
  const auto json = nlohmann::json::parse(read_file(out.file("eval.json")));
  EXPECT_EQ(json["top1"], report.top1());
  EXPECT_EQ(json["step"], 12);
  EXPECT_EQ(json["classes"].size(), 7u);
  EXPECT_TRUE(json["classes"][5]["recall_percent"].is_null());
  EXPECT_EQ(json["worst"].size(), 50u);
  EXPECT_EQ(json["worst"][0]["file"], source.name(report.worst(1)[0].index));
  int64_t cells = 0, in_bins = 0;
  for (const auto& cell : json["confusion"]) cells += cell[2].get<int64_t>();
  for (const auto& bin : json["calibration"]) in_bins += bin["n"].get<int64_t>();
  EXPECT_EQ(cells, 400);
  EXPECT_EQ(in_bins, 400);

  const std::vector<std::string> lines = split(read_file(out.file("predictions.csv")), '\n');
  ASSERT_EQ(lines.size(), 402u);  // a head, 400 images, nothing behind the last end of line
  EXPECT_EQ(lines[1].substr(0, 7), "\"a, 0\",");
  EXPECT_NE(read_file(out.file("per_class.csv")).find("\n\"b \"\"x\"\"\","), std::string::npos);
  EXPECT_EQ(split(read_file(out.file("confusion.csv")), '\n').size(),
            report.confusion().size() + 2);
  EXPECT_THROW(check_eval_directory(out.path(), false), UsageError);
  check_eval_directory(out.path(), true);
  check_eval_directory(out.file("new"), false);
}

}  // namespace
}  // namespace vicinity::testing
