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

// The recipe, its model, published top-1, drop path, layer scale (0: none):
// arXiv:2209.15001 and arXiv:2204.07143, and the builders of the repository.
struct Published1k {
  const char* recipe;
  const char* model;
  double top1, drop_path, layer_scale;
};
const std::vector<Published1k>& imagenet_1k() {
  static const std::vector<Published1k> all = {
      {"nat_mini_in1k", "nat_mini", 81.8, 0.2, 0},
      {"nat_tiny_in1k", "nat_tiny", 83.2, 0.2, 0},
      {"nat_small_in1k", "nat_small", 83.7, 0.3, 1e-5},
      {"nat_base_in1k", "nat_base", 84.3, 0.5, 1e-5},
      {"dinat_mini_in1k", "dinat_mini", 81.8, 0.2, 0},
      {"dinat_tiny_in1k", "dinat_tiny", 82.7, 0.2, 0},
      {"dinat_small_in1k", "dinat_small", 83.8, 0.3, 0},
      {"dinat_base_in1k", "dinat_base", 84.4, 0.5, 1e-5},
      {"dinat_large_in1k", "dinat_large", 86.6, 0.35, 0},
      {"dinat_large_384_in1k", "dinat_large_384", 87.4, 0.35, 0},
      {"dinat_large_384_k11_in1k", "dinat_large_384_k11", 87.5, 0.35, 0}};
  return all;
}

TEST(Recipes, ThereIsOneForEveryPublishedDinatAndNat) {
  std::vector<std::string> models;
  for (const auto& item :
       fs::directory_iterator(std::string(VICINITY_SOURCE_DIR) + "/configs/models"))
    if (const std::string name = item.path().stem().string();
        starts_with(name, "dinat_") || starts_with(name, "nat_"))
      models.push_back(name);
  for (const Published1k& row : imagenet_1k()) {
    SCOPED_TRACE(row.recipe);
    const RunConfig config = config_of(row.recipe);
    const DinatConfig& model = config.model.architecture.dinat;
    EXPECT_EQ(config.model.architecture.name, row.model);
    EXPECT_EQ(config.recipe.name, row.recipe);
    EXPECT_EQ(config.recipe.top1, row.top1);
    EXPECT_NE(config.recipe.source.find("not run here"), std::string::npos);
    EXPECT_EQ(model.drop_path_rate, row.drop_path);
    EXPECT_EQ(model.layer_scale_init_value, row.layer_scale);
    models.erase(std::remove(models.begin(), models.end(), row.model), models.end());
  }
  EXPECT_TRUE(models.empty()) << join(models, " ") << " without a recipe";
}

// What every one of them took from the defaults of train.py: fine-tuning too, but for mixing.
void expect_shared_settings(const RunConfig& config, bool mixes) {
  EXPECT_EQ(config.optim.name, "adamw");
  EXPECT_EQ(config.optim.betas, (std::vector<double>{0.9, 0.999}));
  EXPECT_EQ(config.optim.eps, 1e-8);
  EXPECT_EQ(config.optim.clip_grad, 5);
  EXPECT_EQ(config.optim.layer_decay, 1);
  EXPECT_TRUE(config.optim.no_decay.empty()) << "position biases decay";
  EXPECT_EQ(config.data.transform.augment.augment, "rand-m9-mstd0.5-inc1");
  EXPECT_EQ(config.data.transform.augment.color_jitter, AugmentConfig().color_jitter);
  EXPECT_EQ(config.data.transform.crop_scale, (std::vector<double>{0.08, 1}));
  EXPECT_EQ(config.data.transform.train_interpolation, "random");
  EXPECT_EQ(config.data.transform.interpolation, "bicubic");
  EXPECT_EQ(config.train.smoothing, 0.1);
  EXPECT_EQ(config.train.ema, 0);
  EXPECT_EQ(config.train.mixing.erase, 0.25);
  EXPECT_EQ(config.train.mixing.mixup, mixes ? 0.8 : 0);
  EXPECT_EQ(config.train.mixing.cutmix, mixes ? 1 : 0);
  EXPECT_EQ(config.train.mixing.mix_prob, 1);
  EXPECT_EQ(config.train.mixing.mix_switch, 0.5);
}

TEST(Recipes, ImageNetFromScratchIsTheOriginals) {
  for (const Published1k& row : imagenet_1k()) {
    if (std::string(row.recipe).find("large") != std::string::npos) continue;
    SCOPED_TRACE(row.recipe);
    const RunConfig config = config_of(row.recipe);
    expect_shared_settings(config, true);
    EXPECT_EQ(config.train.batch, 1024);
    EXPECT_EQ(config.train.micro_batch, 128);
    EXPECT_EQ(config.train.epochs, 310);
    EXPECT_EQ(config.optim.weight_decay, 0.05);
    EXPECT_EQ(config.data.transform.image_size, 224);
    EXPECT_EQ(config.data.transform.eval_resize, "256");
    const Schedule schedule =
        make_schedule(config.sched, config.optim.lr, config.optim.weight_decay, 1251, 310 * 1251);
    EXPECT_EQ(schedule.at(0).lr, 1e-6);
    EXPECT_NEAR(schedule.at(20 * 1251).lr, 9.8913e-4, 1e-8);
    EXPECT_NEAR(schedule.at(100 * 1251).lr, 7.5125e-4, 1e-8);
    EXPECT_EQ(schedule.at(305 * 1251).lr, 5e-6);
  }
}

TEST(Recipes, DinatLargeIsTheOriginals) {
  const RunConfig pretraining = config_of("dinat_large_in22k");
  expect_shared_settings(pretraining, true);
  EXPECT_EQ(pretraining.model.architecture.dinat.drop_path_rate, 0.2);
  EXPECT_EQ(pretraining.train.batch, 4096);
  EXPECT_EQ(pretraining.train.epochs, 90);
  EXPECT_EQ(pretraining.optim.lr, 1e-3);
  EXPECT_EQ(pretraining.optim.weight_decay, 0.01);
  EXPECT_EQ(pretraining.sched.name, "linear");
  EXPECT_EQ(pretraining.sched.warmup, "5ep");
  for (const auto& [recipe, side, decay] : {std::tuple{"dinat_large_in1k", 224, 1e-4},
                                            {"dinat_large_384_in1k", 384, 1e-10},
                                            {"dinat_large_384_k11_in1k", 384, 1e-10}}) {
    SCOPED_TRACE(recipe);
    const RunConfig config = config_of(recipe);
    expect_shared_settings(config, false);
    EXPECT_EQ(config.data.transform.image_size, side);
    EXPECT_EQ(config.data.transform.eval_resize, side == 384 ? "384" : "256");
    EXPECT_EQ(config.data.transform.eval_crop, std::to_string(side));
    EXPECT_EQ(config.train.batch, 512);
    EXPECT_EQ(config.train.micro_batch, 64);
    EXPECT_EQ(config.train.epochs, 30);
    EXPECT_EQ(config.optim.weight_decay, decay);
    const Schedule schedule = make_schedule(config.sched, config.optim.lr, decay, 2503, 30 * 2503);
    EXPECT_EQ(schedule.at(0).lr, 5e-5);
    EXPECT_NEAR(schedule.at(15 * 2503).lr, 2.5e-5, 1e-15);
    EXPECT_NEAR(schedule.at(30 * 2503 - 1).lr, 0, 1e-9);
  }
}

}  // namespace
}  // namespace vicinity::testing
