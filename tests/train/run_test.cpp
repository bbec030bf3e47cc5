// Whole runs on small pictures: they learn, they repeat bit for bit on any number of threads and
// loader threads, and a resumed run ends with the bytes of one that never stopped.
#include "train/run/run.h"

#include <gtest/gtest.h>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/runtime/cpu.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"
#include "train/cli/load_config.h"

namespace vicinity::testing {
namespace {

std::vector<std::string> settings(const std::string& family, const std::string& root) {
  std::vector<std::string> all = {
      "data.root=" + root, "data.image_size=16",  "data.train_crop=padded",   "data.crop_padding=2",
      "train.batch=12",    "train.micro_batch=5", "train.steps=12",           "train.eval_every=0",
      "optim.lr=0.003",    "optim.clip_grad=1.0", "model.drop_path_rate=0.2", "seed=3"};
  if (family == "dinat") {
    for (const char* s :
         {"model.family=dinat", "model.embed_dim=16", "model.depths=[2,1]", "model.num_heads=[2,2]",
          "model.kernel_size=3", "model.dilations=[[1,1],[1]]", "model.small_maps=pad"}) {
      all.emplace_back(s);
    }
  } else {
    for (const char* s : {"model.family=dinov2", "model.hidden_size=24",
                          "model.num_hidden_layers=2", "model.num_attention_heads=3",
                          "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=2"}) {
      all.emplace_back(s);
    }
  }
  return all;
}

// Runs until `stop_after` steps (by length) or to the end, and returns the bytes of the last
// weights and optimiser.
struct Ending {
  std::string weights, moments, metrics;
  double top1;
};

Ending run(const std::vector<std::string>& overrides, const std::string& out, bool resume) {
  log_to_stderr(false);
  const RunDirectory directory(out, resume ? OpenMode::resume : OpenMode::fresh);
  const RunConfig config = load_run_config({}, overrides);
  if (!resume) directory.write_config(dump_run_config(config));
  Run training(config, directory, resume);
  const RunResult result = training.train();
  log_to_stderr(true);
  const std::string last = out + "/checkpoints/last/";
  return {read_file(last + "model.safetensors"), read_file(last + "optimizer.safetensors"),
          read_file(out + "/metrics.jsonl"), result.top1};
}

class RunTest : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  void SetUp() override {
    write_class_folders(data_.path(), 3, 20, 16);
    overrides_ = settings(std::get<0>(GetParam()), data_.path());
    overrides_.push_back(std::string("train.precision=") + std::get<1>(GetParam()));
    for (const char* s : {"train.mixup=0.8", "train.cutmix=1", "train.erase=0.25"})
      overrides_.emplace_back(s);
  }
  void TearDown() override { cpu().set_threads(available_cores()); }

  std::vector<std::string> with(std::vector<std::string> more) const {
    std::vector<std::string> all = overrides_;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  TempDir data_, out_;
  std::vector<std::string> overrides_;
};

TEST_P(RunTest, SameBitsOnAnyThreadsAndAfterResume) {
  const Ending one = run(with({"threads=1", "data.loader_threads=1"}), out_.file("one"), false);
  const Ending four = run(with({"threads=4", "data.loader_threads=3"}), out_.file("four"), false);
  EXPECT_TRUE(one.weights == four.weights) << "threads change the weights";
  EXPECT_TRUE(one.moments == four.moments) << "threads change the optimiser";
  EXPECT_EQ(one.metrics, four.metrics);

  // Stopped in the middle of the second epoch: a run that ends there has the schedule of 12 steps,
  // so it is cut by hand.
  run(with({"threads=2", "train.save_every=7"}), out_.file("cut"), false);
  std::filesystem::remove_all(out_.file("cut/checkpoints/step_12"));
  std::filesystem::remove(out_.file("cut/checkpoints/last"));
  const Ending resumed = run(with({"threads=2", "train.save_every=7"}), out_.file("cut"), true);
  EXPECT_TRUE(one.weights == resumed.weights) << "a resumed run ends elsewhere";
  EXPECT_TRUE(one.moments == resumed.moments);
  EXPECT_EQ(one.metrics, resumed.metrics);
}

INSTANTIATE_TEST_SUITE_P(Families, RunTest,
                         ::testing::Combine(::testing::Values("dinat", "dinov2"),
                                            ::testing::Values("fp32", "bf16")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::get<1>(info.param);
                         });

TEST(Run, LearnsToTellStripesApart) {
  TempDir data, out;
  write_class_folders(data.path(), 3, 30, 16);
  for (const char* family : {"dinat", "dinov2"}) {
    std::vector<std::string> all = settings(family, data.path());
    for (const char* s : {"train.steps=80", "model.drop_path_rate=0", "train.smoothing=0",
                          "data.train_crop=none", "data.flip=0"}) {
      all.emplace_back(s);
    }
    EXPECT_GE(run(all, out.file(family), false).top1, 90) << family;
  }
}

TEST(Run, ANonFiniteStepChangesNoWeightAndEndsWithCode5) {
  TempDir data, out;
  write_class_folders(data.path(), 2, 10, 16);
  std::vector<std::string> all = settings("dinat", data.path());
  for (const char* s : {"optim.lr=1e30", "sched.warmup=0it", "optim.clip_grad=0"})
    all.emplace_back(s);
  try {
    run(all, out.file("run"), false);
    FAIL() << "a learning rate of 1e30 went unnoticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::diverged) << error.what();
  }
  log_to_stderr(true);
}

TEST(Run, RefusesSmallMapsWithTheNearestSchedule) {
  TempDir data, out;
  write_class_folders(data.path(), 2, 4, 16);
  std::vector<std::string> all = settings("dinat", data.path());
  all.emplace_back("model.small_maps=refuse");
  try {
    run(all, out.file("run"), false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::config);
    EXPECT_NE(std::string(error.what()).find("nearest valid schedule"), std::string::npos)
        << error.what();
  }
  log_to_stderr(true);
}

TEST(RunDirectory, IsNotOverwrittenByAccident) {
  TempDir out;
  write_file_atomically(out.file("photo.jpg"), "precious");
  EXPECT_THROW(RunDirectory(out.path(), OpenMode::fresh), UsageError);
  EXPECT_THROW(RunDirectory(out.path(), OpenMode::overwrite), UsageError) << "it is not a run";
  EXPECT_THROW(RunDirectory(out.file("nothing"), OpenMode::resume), UsageError);
  EXPECT_THROW(RunDirectory(out.file("photo.jpg") + "/run", OpenMode::fresh), IoError);
  EXPECT_EQ(read_file(out.file("photo.jpg")), "precious");
}

}  // namespace
}  // namespace vicinity::testing
