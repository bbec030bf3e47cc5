// What is left of a run when its clock is taken away: lines that read back, summaries that are
// functions of them, event files that end where a checkpoint does.
#include "train/metrics_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/files.h"
#include "tests/support/temp_dir.h"
#include "train/metrics/event_file.h"
#include "train/metrics/summary_table.h"

namespace vicinity::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(MetricsLine, ReadsBackToTheBit) {
  const Scalars scalars = {{"train/loss", 0.1 + 0.2}, {"a \"b\"", 1e-300}, {"val/images", 1e6}};
  const std::string line = metrics_line(1 << 20, 1.0 / 3, scalars);
  EXPECT_NE(line.find("\"step\": 1048576"), std::string::npos) << line;
  EXPECT_NE(line.find("\"val/images\": 1000000"), std::string::npos) << line;
  const auto parsed = parse_metrics_line(line);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->step, 1 << 20);
  EXPECT_EQ(parsed->epoch, 1.0 / 3);
  EXPECT_EQ(parsed->scalars, scalars);
  EXPECT_FALSE(parse_metrics_line(line.substr(0, line.size() - 1)));
}

TEST(MetricsLine, WhatIsNotFiniteIsFlagged) {
  const std::string line = metrics_line(
      3, 1, {{"train/loss", kNan}, {"train/lr", 0.5}, {"train/grad_norm", -kInfinity}});
  EXPECT_EQ(line,
            "{\"step\": 3, \"epoch\": 1, \"train/loss\": \"NaN\", \"train/lr\": 0.5, "
            "\"train/grad_norm\": \"-Infinity\", \"nonfinite\": [\"train/loss\", "
            "\"train/grad_norm\"]}");
  const auto parsed = parse_metrics_line(line);
  ASSERT_EQ(parsed->scalars.size(), 3u);
  EXPECT_TRUE(std::isnan(parsed->scalars[0].second));
  EXPECT_EQ(parsed->scalars[2].second, -kInfinity);
}

TEST(MetricsFile, IsCutBackToTheCheckpoint) {
  TempDir dir;
  const std::string path = dir.file("metrics.jsonl");
  {
    MetricsFile file(path, {});
    for (int step = 1; step <= 4; ++step) file.write(step, step, {{"train/loss", 1.0 / step}});
  }
  const std::string whole = read_file(path);
  write_file_atomically(path, whole + "{\"step\": 5, \"tra");  // killed in the middle of a write
  {
    MetricsFile file(path, {3});
    EXPECT_EQ(file.kept().size(), 3u);
    file.write(4, 4, {{"train/loss", 0.25}});
  }
  EXPECT_EQ(read_file(path), whole);
}

TEST(MetricsFile, AnEvaluationThatTheCheckpointDoesNotKnowGoes) {
  TempDir dir;
  const std::string path = dir.file("metrics.jsonl");
  {
    MetricsFile file(path, {});
    EventFile events(dir.path(), {});
    for (const Scalars& scalars : {Scalars{{"train/loss", 2}}, Scalars{{"val/loss", 3}}}) {
      file.write(7, 1, scalars);
      events.write(7, scalars);
    }
  }
  const std::string events = read_file(event_files(dir.path())[0]);
  EXPECT_EQ(whole_records(events, {7, true}), events.size());
  EXPECT_LT(whole_records(events, {7, false}), events.size());
  EXPECT_GT(whole_records(events, {7, false}), whole_records(events, {6}));
  EXPECT_EQ(MetricsFile(path, {7, true}).kept().size(), 2u);
  EXPECT_EQ(MetricsFile(path, {7, false}).kept().size(), 1u);
}

TEST(SummaryTable, HasARowForEachEvaluation) {
  SummaryTable table;
  EXPECT_FALSE(table.add({1, 0.5, {{"train/loss", 4}, {"train/lr", 0.1}}}));
  EXPECT_FALSE(table.add({2, 1, {{"train/loss", 2}, {"train/lr", 0.2}}}));
  EXPECT_TRUE(table.add({2, 1, {{"val/top1", 50}}}));
  EXPECT_FALSE(table.add({3, 1.5, {{"train/loss", 1}, {"train/lr", 0.3}}}));
  EXPECT_TRUE(table.add({3, 1.5, {{"val/top1", kNan}, {"ema/top1", 75}}}));
  EXPECT_EQ(table.csv(),
            "step,epoch,train/loss,train/lr,val/top1,ema/top1\n"
            "2,1,3,0.2,50,\n"
            "3,1.5,1,0.3,nan,75\n");
}

TEST(Crc32c, AgreesWithRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(EventFile, EndsWhereTheCheckpointDoes) {
  TempDir dir;
  {
    EventFile events(dir.path(), {});
    for (int step : {1, 200, 300, 40000}) events.write(step, {{"train/loss", 0.5}});
  }
  const std::string path = event_files(dir.path())[0], whole = read_file(path);
  EXPECT_EQ(whole_records(whole, {40000}), whole.size());
  const size_t to_300 = whole_records(whole, {39999});
  EXPECT_LT(to_300, whole.size());
  EXPECT_EQ(whole_records(whole, {300}), to_300);
  // Cut short anywhere, or with any byte damaged, what stays is a prefix of whole records.
  for (size_t size = to_300; size < whole.size(); ++size) {
    EXPECT_EQ(whole_records(whole.substr(0, size), {1 << 20}), to_300);
    std::string damaged = whole;
    damaged[size] = static_cast<char>(damaged[size] ^ 0x10);
    EXPECT_EQ(whole_records(damaged, {1 << 20}), to_300) << size;
  }
  {
    EventFile events(dir.path(), {300});
    events.write(301, {{"train/loss", 0.25}});
  }
  const std::vector<std::string> files = event_files(dir.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(read_file(files[0]), whole.substr(0, to_300));
}

}  // namespace
}  // namespace vicinity::testing
