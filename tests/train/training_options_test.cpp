// What a run does with averaged weights, class weights, head dropout and patience.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/log.h"
#include "data/source/folder.h"
#include "models/weights/safetensors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"
#include "tests/support/tiny_models.h"
#include "train/cli/load_config.h"
#include "train/optim/averaging.h"
#include "train/optim/make_optimizer.h"
#include "train/run/class_weights.h"
#include "train/run/evaluation.h"
#include "train/run/run.h"

namespace vicinity::testing {
namespace {

class TrainingOptions : public ::testing::Test {
 protected:
  void SetUp() override {
    log_to_stderr(false);
    write_class_folders(data_.path(), 3, 12, 16);
  }
  void TearDown() override { log_to_stderr(true); }

  RunResult run(const std::string& name, const std::vector<std::string>& more,
                bool resume = false) const {
    std::vector<std::string> all = {"data.root=" + data_.path(),
                                    "data.image_size=16",
                                    "data.train_crop=none",
                                    "train.batch=12",
                                    "train.steps=9",
                                    "train.precision=fp32",
                                    "optim.lr=0.003",
                                    "model.family=dinov2",
                                    "model.hidden_size=24",
                                    "model.num_hidden_layers=2",
                                    "model.mlp_ratio=2",
                                    "model.num_attention_heads=3",
                                    "model.image_size=16",
                                    "model.patch_size=4",
                                    "seed=3"};
    all.insert(all.end(), more.begin(), more.end());
    const RunDirectory directory(out_.file(name), resume ? OpenMode::resume : OpenMode::fresh);
    const RunConfig config = load_run_config({}, all);
    if (!resume) directory.write_config(dump_run_config(config));
    return vicinity::Run(config, directory, resume).train();
  }
  std::string file(const std::string& run, const std::string& name) const {
    return read_file(out_.file(run) + "/" + name);
  }
  // The lines of metrics.jsonl that have `key`.
  std::vector<nlohmann::json> lines_with(const std::string& run, const std::string& key) const {
    std::vector<nlohmann::json> found;
    std::istringstream lines(file(run, "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line);
      if (json.contains(key)) found.push_back(json);
    }
    return found;
  }

  TempDir data_, out_;
};

TEST_F(TrainingOptions, TheAverageIsTheModelOfACheckpointAndIsEvaluated) {
  run("ema", {"train.ema=0.9"});
  run("plain", {});
  EXPECT_FALSE(lines_with("ema", "ema/top1").empty());
  EXPECT_TRUE(lines_with("plain", "ema/top1").empty());
  // What is trained is the same; the checkpoint of one has it as its model, of the other beside it.
  const std::string last = "/checkpoints/last/";
  const SafetensorsFile weights(out_.file("plain") + last + "model.safetensors"),
      averaged(out_.file("ema") + last + "model.safetensors"),
      state(out_.file("ema") + last + "optimizer.safetensors");
  const std::string name = "dinov2.encoder.layer.1.mlp.fc1.weight";
  EXPECT_TRUE(same_bits(state.read("ema/" + name), weights.read(name)));
  EXPECT_FALSE(same_bits(averaged.read(name), weights.read(name)));
}

TEST_F(TrainingOptions, AResumedAverageGoesOnToTheBit) {
  const std::vector<std::string> settings = {"train.ema=0.9", "train.save_every=4"};
  run("whole", settings);
  run("cut", settings);
  std::filesystem::remove_all(out_.file("cut/checkpoints/step_9"));
  std::filesystem::remove(out_.file("cut/checkpoints/last"));
  run("cut", settings, true);
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    const std::string path = std::string("checkpoints/last/") + name;
    EXPECT_TRUE(file("whole", path) == file("cut", path)) << name;
  }
}

TEST_F(TrainingOptions, ARunEndsWhenNothingGetsBetter) {
  const std::vector<std::string> still = {"optim.lr=0", "train.patience=2", "train.best=val_loss"};
  EXPECT_EQ(run("still", still).steps, 9) << "3 steps an epoch: evaluated at 3, 6 and 9";
  std::vector<std::string> longer = still;
  longer.emplace_back("train.steps=30");
  EXPECT_EQ(run("longer", longer).steps, 9);
  EXPECT_EQ(run("longer", longer, true).steps, 9) << "the end is the end";
  longer[1] = "train.patience=0";
  EXPECT_EQ(run("patient", longer).steps, 30);
}

TEST_F(TrainingOptions, ClassWeightsAndHeadDropoutChangeTheRun) {
  const auto loss = [&](const std::string& name, const std::vector<std::string>& settings) {
    run(name, settings);
    return lines_with(name, "train/loss").back()["train/loss"].get<double>();
  };
  const double plain = loss("plain", {});
  EXPECT_NEAR(loss("balanced", {"train.class_weights=balanced"}), plain, 1e-4)
      << "classes of one size weigh 1";
  EXPECT_GT(std::abs(loss("weighted", {"train.class_weights=[1, 5, 0.2]"}) - plain), 1e-3);
  EXPECT_GT(std::abs(loss("dropout", {"train.head_dropout=0.5"}) - plain), 1e-3);
  EXPECT_THROW(run("few", {"train.class_weights=[1, 2]"}), ConfigError);
  EXPECT_THROW(run("words", {"train.class_weights=[1, 2, many]"}), ConfigError);
}

TEST(ClassWeights, BalancedHasMeanOneOverTheImages) {
  TempDir data;
  write_class_folders(data.path(), 2, 8, 16);
  for (int i = 0; i < 6; ++i) std::filesystem::remove(FolderSource(data.path()).name(0));
  const FolderSource source(data.path());
  const std::vector<float> w = values_of<float>(class_weights_of({"balanced"}, source, kCpu));
  double sum = 0;
  for (int64_t i = 0; i < source.size(); ++i)
    sum += static_cast<double>(w[static_cast<size_t>(source.label(i))]);
  EXPECT_NEAR(sum, static_cast<double>(source.size()), 1e-5);
  EXPECT_GT(w[0], w[1]);
}

TEST(BestResult, MoreIsBetterWhateverItIsCalled) {
  EvalReport report(10);
  for (int64_t i = 0; i < 50; ++i)
    report.add({.index = i, .rank = i < 20 ? 0 : i < 45 ? 4 : 5, .loss = 2});
  EXPECT_EQ(score_of("val_top1", report), 40);
  EXPECT_EQ(score_of("val_top5", report), 90);
  EXPECT_EQ(score_of("val_loss", report), -2);
  report.add({.index = 50, .label = 3, .guess = 3, .rank = 0, .loss = 2});
  EXPECT_EQ(score_of("val_balanced", report), 70) << "the mean of 20 of 50 and 1 of 1";
}

TEST(Averaging, FollowsEveryStepAndIsExchanged) {
  ModelConfig config = tiny_dinat();
  config.dinat.embed_dim = 192;  // more weights than are exchanged at once
  const auto model = tiny_model(config, DType::f32);
  ParameterStore& store = model->store();
  const auto optimizer = make_optimizer({}, store.value(), 0.5);
  std::vector<float> expected = values_of<float>(store.value());
  const UpdateRanges ranges = UpdateRanges::whole(store.value().size());
  for (int64_t step = 0; step < 3; ++step) {
    const Tensor grads = cast(random_tensor(store.value().shape(), 50), DType::f32);
    optimizer->step(store.value(), grads, store.copies(), ranges, {}, {}, step);
    const std::vector<float> now = values_of<float>(store.value());
    for (size_t i = 0; i < now.size(); ++i) expected[i] += 0.5f * (now[i] - expected[i]);
  }
  EXPECT_EQ(values_of<float>(optimizer->average()), expected);
  const std::vector<float> trained = values_of<float>(store.value());
  {
    const AverageInUse in_use(store, *optimizer);
    EXPECT_EQ(values_of<float>(store.value()), expected);
    EXPECT_EQ(values_of<float>(optimizer->average()), trained);
  }
  EXPECT_EQ(values_of<float>(store.value()), trained);
}

// The draws of a sample do not depend on how the batch is cut, and their mean is 1.
TEST(HeadDropout, DrawsBelongToTheSample) {
  Pass pass{.training = true, .act = DType::f64, .seed = 9, .step = 4, .head_dropout = 0.25};
  const Tensor whole = head_dropout_factors(pass, {6, 500}, kCpu);
  pass.first_sample = 2;
  EXPECT_TRUE(same_bits(head_dropout_factors(pass, {4, 500}, kCpu), whole.slice(2, 6)));
  double sum = 0;
  for (const double f : values_of<double>(whole)) sum += f;
  EXPECT_NEAR(sum / 3000, 1, 0.05);
  pass.training = false;
  EXPECT_FALSE(head_dropout_factors(pass, {4, 500}, kCpu).defined());
}

}  // namespace
}  // namespace vicinity::testing
