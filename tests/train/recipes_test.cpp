// Every recipe reads, says where its numbers come from, and has a step that can be planned.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/files.h"
#include "core/base/text.h"
#include "train/cli/load_config.h"
#include "train/run/setup.h"
#include "train/run/step_on_paper.h"

namespace vicinity::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> recipes() {
  std::vector<std::string> names;
  for (const auto& item :
       fs::directory_iterator(std::string(VICINITY_SOURCE_DIR) + "/configs/recipes"))
    if (item.path().extension() == ".yaml") names.push_back(item.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string path_of(const std::string& recipe) {
  return str(VICINITY_SOURCE_DIR, "/configs/recipes/", recipe, ".yaml");
}

// Those that start from weights take their architecture from them.
RunConfig config_of(const std::string& recipe) {
  std::vector<std::string> overrides;
  if (starts_with(recipe, "dinov2") || starts_with(recipe, "finetune"))
    overrides.emplace_back("model=dinov2_vits14");
  overrides.emplace_back("train.precision=bf16");
  RunConfig config = load_run_config({path_of(recipe)}, overrides);
  config.model.architecture.labels.resize(recipe.find("22k") != std::string::npos ? 21841 : 1000,
                                          "class");
  return config;
}

class Recipe : public ::testing::TestWithParam<std::string> {};

TEST_P(Recipe, ReadsAndItsStepCanBePlanned) {
  RunConfig config = config_of(GetParam());
  EXPECT_LE(config.train.micro_batch, config.train.batch);
  const std::string dumped = dump_run_config(config);
  EXPECT_NE(dumped.find("micro_batch"), std::string::npos);
  check_small_maps(config.model, config.data.transform.image_size);
  check_trainable(config.model.architecture);
  const Length length = length_of(config.train, 1281167);
  make_schedule(config.sched, config.optim.lr, config.optim.weight_decay, length.steps_per_epoch,
                length.steps);
  config.train.batch = 2 * config.train.micro_batch;  // two leaves stand for all
  const StepOnPaper step = plan_step(config, config.train.micro_batch);
  EXPECT_GT(step.step_flops, step.forward_flops);
}

TEST_P(Recipe, SaysWhatWasPublishedAndWhatWasRun) {
  const std::string text = read_file(path_of(GetParam()));
  const bool told =
      text.find("ublished") != std::string::npos || text.find("\n  top1: ") != std::string::npos;
  EXPECT_TRUE(told) << "the published result, or that there is none";
  const bool run = text.find("scripts/accuracy_floors") != std::string::npos;
  EXPECT_NE(run, lower(text).find("not run here") != std::string::npos)
      << "that it was not run here, or the command by which it was";
}

INSTANTIATE_TEST_SUITE_P(All, Recipe, ::testing::ValuesIn(recipes()),
                         [](const auto& info) { return info.param; });

TEST(Recipes, ImageNetIsTheOriginals) {
  for (const char* name : {"dinat_mini", "dinat_base", "nat_tiny"}) {
    const RunConfig config = config_of(std::string(name) + "_in1k");
    EXPECT_EQ(config.model.architecture.name, name);
    EXPECT_EQ(config.train.batch, 1024);
    const Schedule schedule =
        make_schedule(config.sched, config.optim.lr, config.optim.weight_decay, 1251, 310 * 1251);
    EXPECT_NEAR(schedule.at(100 * 1251).lr, 7.5125e-4, 1e-8);
    EXPECT_EQ(schedule.at(305 * 1251).lr, 5e-6);
    EXPECT_EQ(config.optim.clip_grad, 5);
  }
  EXPECT_EQ(config_of("dinat_large_in22k").model.architecture.dinat.drop_path_rate, 0.2);
  EXPECT_EQ(config_of("dinat_large_384_k11_in1k").model.architecture.dinat.drop_path_rate, 0.35);
}

}  // namespace
}  // namespace vicinity::testing
