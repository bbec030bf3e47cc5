// Schedules against published numbers, and against timm's schedulers (tests/fixtures/training).
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

// DiNAT's ImageNet-1k recipe: Hassani & Shi's train.py and its YAML files, batch 1024.
constexpr int64_t kEpoch = 1251;
Schedule dinat_imagenet() {
  ScheduleConfig config;
  config.warmup = "20ep";
  config.warmup_lr = 1e-6;
  config.warmup_prefix = false;
  config.final_lr = 5e-6;
  config.cooldown = "10ep";
  return make_schedule(config, 1e-3, 0.05, kEpoch, 310 * kEpoch);
}

TEST(Schedule, DinatsImageNetRecipeAtTheStartOfEpochs) {
  const Schedule schedule = dinat_imagenet();
  const std::vector<std::pair<int, double>> expected = {
      {0, 1e-6},        {1, 5.095e-5},    {10, 5.005e-4},   {20, 9.8913e-4},  {50, 9.3335e-4},
      {100, 7.5125e-4}, {150, 5.0250e-4}, {200, 2.5375e-4}, {250, 7.1652e-5}, {299, 5.0273e-6},
      {300, 5e-6},      {305, 5e-6},      {309, 5e-6}};
  for (const auto& [epoch, lr] : expected)
    EXPECT_NEAR(schedule.at(epoch * kEpoch).lr / lr, 1, 5e-5) << "epoch " << epoch;
  // The clock has run during the warm-up: the rate falls at its end.
  EXPECT_NEAR(schedule.at(20 * kEpoch - 1).lr, 0.99996e-3, 1e-8);
  EXPECT_EQ(schedule.at(310 * kEpoch - 1).lr, 5e-6);
  EXPECT_EQ(schedule.at(7).weight_decay, 0.05);
}

// What the numbers of a case in tests/fixtures/training/schedules.json say.
Schedule schedule_of(const nlohmann::json& c) {
  ScheduleConfig config;
  config.name = c["name"];
  config.warmup = str(c["warmup"].get<int64_t>(), "it");
  config.warmup_lr = c["warmup_lr"].get<double>();
  config.warmup_prefix = c["warmup_prefix"];
  config.final_lr = c["final_lr"];
  config.cooldown = str(c["cooldown"].get<int64_t>(), "it");
  return make_schedule(config, c["lr"], 0, 1, c["steps"]);
}

TEST(Schedule, EveryStepIsTimms) {
  const auto cases = nlohmann::json::parse(
      read_file(std::string(VICINITY_SOURCE_DIR) + "/tests/fixtures/training/schedules.json"));
  ASSERT_GE(cases.size(), 8u);
  for (const auto& c : cases) {
    const Schedule schedule = schedule_of(c);
    const std::vector<double> rates = c["rates"];
    ASSERT_EQ(static_cast<int64_t>(rates.size()), c["steps"].get<int64_t>());
    for (size_t t = 0; t < rates.size(); ++t) {
      EXPECT_NEAR(schedule.at(static_cast<int64_t>(t)).lr, rates[t], 1e-12 * c["lr"].get<double>())
          << c["name"] << " step " << t;
    }
  }
}

TEST(Schedule, WithoutWarmupLrTheFirstStepLearnsAndTheDecayBeginsAtThePeak) {
  ScheduleConfig config;
  config.warmup = "4it";
  config.final_lr = 0.1;
  const Schedule schedule = make_schedule(config, 1, 0, 10, 24);
  for (int64_t t = 0; t < 4; ++t) EXPECT_EQ(schedule.at(t).lr, 0.25 * static_cast<double>(t + 1));
  EXPECT_EQ(schedule.at(4).lr, 1);
  EXPECT_NEAR(schedule.at(14).lr, 0.55, 1e-15);
  EXPECT_GT(schedule.at(23).lr, 0.1);
}

TEST(Schedule, ConstantCoolsDownToo) {
  ScheduleConfig config;
  config.name = "constant";
  config.warmup = "0it";
  config.cooldown = "25%";
  config.final_lr = 0.5;
  const Schedule schedule = make_schedule(config, 2, 0, 1, 8);
  EXPECT_EQ(schedule.at(5).lr, 2);
  EXPECT_EQ(schedule.at(6).lr, 0.5);
}

TEST(Schedule, KnowsWhetherItsWarmUpEnds) {
  ScheduleConfig config;
  config.cooldown = "4it";
  for (const auto& [warmup, reaches] : {std::pair{"0it", true}, {"16it", true}, {"17it", false}}) {
    config.warmup = warmup;
    EXPECT_EQ(make_schedule(config, 1, 0, 10, 20).reaches_peak(), reaches) << warmup;
  }
}

TEST(Schedule, LengthsInEpochsStepsAndShares) {
  EXPECT_EQ(parse_length("k", "5ep", 100, 1000), 500);
  EXPECT_EQ(parse_length("k", "2.5", 100, 1000), 250);
  EXPECT_EQ(parse_length("k", "200it", 100, 1000), 200);
  EXPECT_EQ(parse_length("k", "10%", 100, 1000), 100);
  for (const char* text : {"", "ten", "5days", "-1ep", "nan"}) {
    try {
      parse_length("sched.cooldown", text, 100, 1000);
      ADD_FAILURE() << "'" << text << "' is a length";
    } catch (const ConfigError& error) {
      EXPECT_TRUE(starts_with(error.message(), "sched.cooldown = '")) << error.message();
    }
  }
  ScheduleConfig config;
  config.cooldown = "20ep";
  EXPECT_THROW(make_schedule(config, 1, 0, 10, 100), ConfigError);
}

}  // namespace
}  // namespace vicinity
