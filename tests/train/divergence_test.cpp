// Steps that are not finite: the first bad tensor is named, the batch is kept, and the run stops,
// leaves the step out or goes back, with the same bits when it is resumed.
#include "train/run/divergence.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "autograd/record.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "models/weights/safetensors.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"
#include "train/cli/load_config.h"
#include "train/run/replay.h"
#include "train/run/run.h"

namespace vicinity::testing {
namespace {

const std::vector<std::string> kTiny = {"data.image_size=16",   "data.train_crop=none",
                                        "train.batch=8",        "train.micro_batch=4",
                                        "train.steps=10",       "train.eval_every=0",
                                        "model.family=dinat",   "model.embed_dim=16",
                                        "model.depths=[2,1]",   "model.num_heads=[2,2]",
                                        "model.kernel_size=3",  "model.dilations=[[1,1],[1]]",
                                        "model.small_maps=pad", "seed=3",
                                        "train.precision=fp32", "model.drop_path_rate=0.2"};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A task whose loss is not a number in the steps that `bad` names, counted from 0.
class Poisoned : public Task {
 public:
  Poisoned(std::unique_ptr<Task> task, std::vector<int64_t> bad)
      : task_(std::move(task)), bad_(std::move(bad)) {}

  Variable loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) override {
    const Variable loss = task_->loss(leaf, pass, outcome);
    if (std::find(bad_.begin(), bad_.end(), pass.step) == bad_.end()) return loss;
    fill_(outcome.losses, kNan);
    return record("poison", full({1}, kNan, loss.dtype()), {loss},
                  [](const Tensor& dy, const Needs&) -> Grads {
                    return {full(dy.shape(), kNan, dy.dtype())};
                  });
  }

 private:
  std::unique_ptr<Task> task_;
  std::vector<int64_t> bad_;
};

class DivergenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_class_folders(data_.path(), 2, 12, 16);
    log_to_stderr(false);
  }
  void TearDown() override { log_to_stderr(true); }

  RunConfig config(const std::vector<std::string>& more) const {
    std::vector<std::string> all = kTiny;
    all.push_back("data.root=" + data_.path());
    all.insert(all.end(), more.begin(), more.end());
    return load_run_config({}, all);
  }

  void run(const std::string& out, const std::vector<std::string>& settings,
           const std::vector<int64_t>& bad, bool resume = false) {
    const RunDirectory directory(out_.file(out), resume ? OpenMode::resume : OpenMode::fresh);
    directory.write_config("");
    vicinity::Run training(config(settings), directory, resume);
    RunParts& parts = training.parts();
    const int64_t done = parts.steps_done();
    parts.task = std::make_unique<Poisoned>(std::move(parts.task), bad);
    parts.trainer = make_trainer(parts);
    parts.trainer->set_steps_done(done);
    training.train();
  }

  std::string last(const std::string& out) const {
    const std::string folder = out_.file(out + "/checkpoints/last/");
    return read_file(folder + "model.safetensors") + read_file(folder + "optimizer.safetensors") +
           read_file(folder + "state.json") + read_file(out_.file(out + "/metrics.jsonl"));
  }

  // As if the run had been killed after this checkpoint.
  void cut(const std::string& out, int64_t step) const {
    const std::string folder = out_.file(out + "/checkpoints");
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (step_of_name(entry.path().filename().string()) > step)
        std::filesystem::remove_all(entry.path());
  }

  TempDir data_, out_;
};

TEST_F(DivergenceTest, StopsNamesTheTensorAndKeepsTheBatch) {
  EXPECT_THROW(run("run", {}, {3}), DivergedError);
  const std::string folder = out_.file("run/nan_step_4/");
  const auto json = nlohmann::json::parse(read_file(folder + "step.json"));
  EXPECT_EQ(json.at("step"), 4);
  EXPECT_NE(json.at("found").get<std::string>().find("the output of poison"), std::string::npos)
      << json.at("found");
  ASSERT_EQ(json.at("samples").size(), 8u);
  const SafetensorsFile batch(folder + "batch.safetensors");
  EXPECT_EQ(batch.read("images").shape(), (Shape{8, 16, 16, 3}));
  const Tensor labels = batch.read("labels");
  for (size_t i = 0; i < 8; ++i) {
    const auto& sample = json["samples"][i];
    const std::string name = str("class_", labels.data<int32_t>()[i]);
    EXPECT_EQ(sample.at("class"), name);
    EXPECT_NE(sample.at("name").get<std::string>().find(name + "/"), std::string::npos) << sample;
    EXPECT_TRUE(sample.at("loss").is_null());
  }
  EXPECT_TRUE(starts_with(read_file(folder + "sheet.png"), "\x89PNG"));
}

TEST_F(DivergenceTest, SkipLeavesTheUpdateOut) {
  const std::vector<std::string> settings = {"train.on_nan=skip", "train.save_every=2"};
  run("whole", settings, {3, 4, 7});
  EXPECT_NE(read_file(out_.file("whole/checkpoints/last/state.json")).find("\"left_out\": 3"),
            std::string::npos);
  const std::string metrics = read_file(out_.file("whole/metrics.jsonl"));
  EXPECT_NE(metrics.find("\"step\": 4,"), std::string::npos) << "its line is not missing";
  run("cut", settings, {3, 4, 7});
  cut("cut", 8);
  run("cut", settings, {3, 4, 7}, /*resume=*/true);
  EXPECT_TRUE(last("whole") == last("cut"));
  run("none", settings, {});
  EXPECT_FALSE(last("whole") == last("none"));
}

TEST_F(DivergenceTest, SkipStopsAtTheLimit) {
  const std::vector<std::string> settings = {"train.on_nan=skip", "train.nan_limit=2",
                                             "train.save_every=2"};
  run("two", settings, {3, 4, 6, 7});
  EXPECT_THROW(run("three", settings, {3, 4, 5}), DivergedError);
  EXPECT_TRUE(std::filesystem::exists(out_.file("three/checkpoints/step_4")));
}

TEST_F(DivergenceTest, RollbackTakesTheLastCheckpointAndPassesTheBatch) {
  const std::vector<std::string> settings = {"train.on_nan=rollback", "train.save_every=3",
                                             "train.keep_last=9"};
  run("whole", settings, {4});  // step 5: back to 3, on with 6
  run("skip", {"train.on_nan=skip", "train.save_every=3", "train.keep_last=9"}, {3, 4});
  const auto weights = [&](const char* out) {
    return read_file(out_.file(str(out, "/checkpoints/step_6/model.safetensors")));
  };
  EXPECT_TRUE(weights("whole") == weights("skip")) << "the same as without the steps 4 and 5";
  run("cut", settings, {4});
  cut("cut", 3);
  run("cut", settings, {4}, /*resume=*/true);
  EXPECT_TRUE(last("whole") == last("cut"));
  EXPECT_THROW(run("early", settings, {1}), DivergedError) << "nothing to go back to";
}

class ReplayTest : public DivergenceTest {
 protected:
  // What is found when `name` is set to this value everywhere.
  std::string found(const std::string& name, double value) {
    RunParts parts = open_parts(config({}));
    build_parts(parts, /*fresh=*/true);
    Batches batches(parts);
    const TrainBatch batch = batches.next();
    const ReplayFinding whole = replay_step(parts, batch);
    EXPECT_NE(whole.text.find("every tensor of the step is finite"), std::string::npos)
        << whole.text;
    EXPECT_EQ(whole.losses.size(), 8u);
    Tensor flat = parts.model->store().value();
    for (const Published& entry : parts.model->store().published()) {
      if (entry.name.find(name) == std::string::npos) continue;
      Tensor values = flat.slice(entry.offset, entry.offset + entry.size());
      fill_(values, value);
    }
    return replay_step(parts, batch).text;
  }
};

TEST_F(ReplayTest, NamesAParameterThatWasNotFinite) {
  EXPECT_NE(found("levels.0.layers.1.layernorm_after.weight", kNan)
                .find("levels.0.layers.1.layernorm_after.weight was not finite before the step: "
                      "f32 [16]: 16 NaN and 0 infinite of 16 elements"),
            std::string::npos);
}

TEST_F(ReplayTest, NamesTheOpWhoseOutputOverflows) {
  const std::string text = found("levels.0.layers.1.intermediate.dense.weight", 1e38);
  EXPECT_NE(text.find("levels.0.layers.1.intermediate.dense"), std::string::npos) << text;
  EXPECT_NE(text.find("the output of "), std::string::npos) << text;
  EXPECT_NE(text.find("while running encoder.levels.0.layers.1"), std::string::npos) << text;
  EXPECT_NE(text.find("replaying images 0 to 3"), std::string::npos) << text;
}

}  // namespace
}  // namespace vicinity::testing
