// What a run says on a GPU that is too small for it, and whether that is true. On the emulated
// device, whose memory a test can choose.
#if defined(VICINITY_CUDA_EMULATED)
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/runtime/cuda.h"
#include "models/inference_plan.h"
#include "models/registry.h"
#include "tests/simt/device.h"
#include "tests/support/op_cases.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"
#include "train/cli/load_config.h"
#include "train/inference_memory.h"
#include "train/probe/features.h"
#include "train/run/forecast.h"
#include "train/run/run.h"
#include "train/run/step_on_paper.h"

namespace vicinity::testing {
namespace {

/// A device on which this process can have `bytes`; what earlier tests left unused is given back.
struct DeviceOf {
  explicit DeviceOf(size_t bytes) : before(simt::device().memory) {
    simt::device().memory = simt::device().used;
    EXPECT_THROW(cuda().allocator().allocate(size_t{1} << 40), OutOfMemory);
    simt::device().memory = simt::device().used - cuda().allocator().reserved() + bytes;
  }
  ~DeviceOf() { simt::device().memory = before; }
  size_t before;
};

/// A device on which tensors can still have `bytes`, all of them from the driver.
struct RoomOf {
  explicit RoomOf(size_t bytes) : before(simt::device().memory) {
    CudaAllocator& allocator = cuda().allocator();
    allocator.give_back_unused_pieces();
    simt::device().memory = simt::device().used;
    while (allocator.room() > kFiller) filler.emplace_back(Shape{kFiller / 2}, DType::u8, kCuda);
    simt::device().memory += bytes;
  }
  ~RoomOf() { simt::device().memory = before; }
  static constexpr int64_t kFiller = 128 << 10;
  std::vector<Tensor> filler;
  size_t before;
};

class SmallGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    log_to_stderr(false);
    write_class_folders(data_.path(), 2, 40, 16);
  }
  void TearDown() override { log_to_stderr(true); }

  RunConfig config(int micro_batch, int batch = 64, const std::string& val_split = "0.15") const {
    RunConfig made = load_run_config(
        {}, {"data.root=" + data_.path(), "data.image_size=16", "data.train_crop=none",
             "device=cuda", str("train.batch=", batch), str("train.micro_batch=", micro_batch),
             "data.val_split=" + val_split, "train.steps=3", "train.eval_every=0",
             "model.family=dinov2", "model.hidden_size=48", "model.num_hidden_layers=2",
             "model.num_attention_heads=3", "model.image_size=16", "model.patch_size=2",
             "model.mlp_ratio=2", "train.precision=bf16"});
    made.model.architecture.labels = {"class_0", "class_1"};
    return made;
  }
  /// The message of the Error that training ends with; empty if with none.
  std::string train(int micro_batch) const {
    const TempDir out;
    return message_of([&] { run(config(micro_batch), out.file("run"), OpenMode::fresh); });
  }
  static RunResult run(const RunConfig& config, const std::string& path, OpenMode mode) {
    const RunDirectory directory(path, mode);
    if (mode == OpenMode::fresh) directory.write_config(dump_run_config(config));
    return vicinity::Run(config, directory, mode == OpenMode::resume).train();
  }
  template <class Work>
  static std::string message_of(Work&& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::device);
      return error.user_text();
    }
    return "";
  }
  /// The number that the message says would fit, behind `setting`; 0 if none does.
  static int named(const std::string& message, const std::string& setting) {
    std::smatch found;
    EXPECT_TRUE(
        std::regex_search(message, found, std::regex("on paper " + setting + "(\\d+) fits")))
        << message;
    return found.empty() ? 0 : std::stoi(found[1]);
  }
  /// What one pass of `images` takes beside the weights.
  static size_t pass_bytes(const Model& model, int64_t images) {
    const InferencePass pass{model, {.logits = true}, DType::bf16, {images + 1, 16, 16, 3}, ""};
    size_t low = 0, high = size_t{1} << 32;
    while (high - low > 1024)
      (largest_inference_batch(pass, (low + high) / 2) < images ? low : high) = (low + high) / 2;
    return high;
  }
  std::unique_ptr<Model> model_on_device() const {
    auto model = make_model(config(64).model.architecture, DType::f32, kCuda);
    model->initialise(1, "fan_in");
    model->store().enable_copies();
    // Libraries take their memory with their first product.
    model->outputs(images(1), {.logits = true}, {.act = DType::bf16});
    return model;
  }
  static Tensor images(int64_t count) {
    return to_device(cast(random_tensor({count, 16, 16, 3}, 1), DType::bf16), kCuda);
  }

  TempDir data_;
};

TEST_F(SmallGpu, NamesAMicroBatchWhoseStepsFit) {
  const size_t all = plan_step(config(64), 64).extent, half = plan_step(config(32), 32).extent;
  const DeviceOf device((all + half) / 2 + library_bytes(config(64), kCuda));
  const std::string message = train(64);
  const int fits = named(message, "train.micro_batch=");
  EXPECT_GE(fits, 32 / 2);
  EXPECT_LT(fits, 64);
  // Evaluation, which follows, has memory of its own and is not on the paper.
  EXPECT_EQ(train(fits).find("training step"), std::string::npos);
}

// A step of 4 images fits, an evaluation of 40 at once does not.
TEST_F(SmallGpu, AnEvaluationNamesABatchThatFitsAndLosesNoStep) {
  const TempDir out;
  const std::string path = out.file("run");
  const RunResult whole = run(config(64, 4, "0.5"), out.file("whole"), OpenMode::fresh);
  const auto model = make_model(config(64, 4, "0.5").model.architecture, DType::f32, kPlan);
  const size_t bytes = plan_step(config(4, 4, "0.5"), 4).extent +
                       library_bytes(config(4, 4, "0.5"), kCuda) + pass_bytes(*model, 40) / 2;
  {
    const DeviceOf device(bytes);
    const std::string message =
        message_of([&] { run(config(64, 4, "0.5"), path, OpenMode::fresh); });
    EXPECT_NE(message.find("evaluation after step 3"), std::string::npos) << message;
    EXPECT_NE(message.find("asked for"), std::string::npos) << message;
    const int fits = named(message, "train.micro_batch=");
    EXPECT_GE(fits, 4);
    EXPECT_LT(fits, 40);
    EXPECT_EQ(message_of([&] { run(config(fits, 4, "0.5"), out.file("fits"), OpenMode::fresh); }),
              "");
  }
  EXPECT_FALSE(std::filesystem::is_empty(path + "/checkpoints"));
  const RunResult resumed = run(config(64, 4, "0.5"), path, OpenMode::resume);
  EXPECT_EQ(resumed.steps, 3);
  EXPECT_EQ(resumed.top1, whole.top1);
}

// Recording takes its memory beside that of the pass before it, and so does a pass of another
// shape.
TEST_F(SmallGpu, APlanNeedsNoMoreThanOnePass) {
  const auto model = model_on_device();
  InferencePlan plan(*model, {.logits = true}, DType::bf16);
  const Tensor many = images(40), few = images(30);
  const Tensor of_many = model->outputs(many, {.logits = true}, {.act = DType::bf16}).logits,
               of_few = model->outputs(few, {.logits = true}, {.act = DType::bf16}).logits;
  const RoomOf room(pass_bytes(*model, 40) / 2 * 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(plan(many).logits, of_many)) << i;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(plan(few).logits, of_few)) << i;
}

TEST_F(SmallGpu, FeaturesNameABatchThatFits) {
  const RunConfig made = config(40, 64, "0.5");
  const DataSets data = open_data(made.data.source, 1);
  const auto model = model_on_device();
  const RoomOf room(pass_bytes(*model, 40) / 2);
  FeatureSettings settings{.transform = made.data.transform, .act = DType::bf16, .batch = 40};
  const std::string message = message_of([&] { features_of(*model, *data.train, settings); });
  settings.batch = named(message, "train.micro_batch=");
  EXPECT_GE(settings.batch, 4);
  EXPECT_EQ(message_of([&] { features_of(*model, *data.train, settings); }), "");
}

}  // namespace
}  // namespace vicinity::testing
#endif
