// What a run says on a GPU that is too small for it, and whether that is true. On the emulated
// device, whose memory a test can choose.
#if defined(VICINITY_CUDA_EMULATED)
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "core/base/log.h"
#include "core/runtime/cuda.h"
#include "tests/simt/device.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"
#include "train/cli/load_config.h"
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

class SmallGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    log_to_stderr(false);
    write_class_folders(data_.path(), 2, 40, 16);
  }
  void TearDown() override { log_to_stderr(true); }

  RunConfig config(int micro_batch) const {
    RunConfig made = load_run_config(
        {}, {"data.root=" + data_.path(), "data.image_size=16", "data.train_crop=none",
             "device=cuda", "train.batch=64", str("train.micro_batch=", micro_batch),
             "train.steps=3", "train.eval_every=0", "model.family=dinov2", "model.hidden_size=48",
             "model.num_hidden_layers=2", "model.num_attention_heads=3", "model.image_size=16",
             "model.patch_size=2", "model.mlp_ratio=2", "train.precision=bf16"});
    made.model.architecture.labels = {"class_0", "class_1"};
    return made;
  }
  /// The message of the Error that training ends with; empty if with none.
  std::string train(int micro_batch) const {
    const TempDir out;
    try {
      const RunDirectory directory(out.file("run"), OpenMode::fresh);
      vicinity::Run run(config(micro_batch), directory, false);
      run.train();
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::device);
      return error.user_text();
    }
    return "";
  }

  TempDir data_;
};

TEST_F(SmallGpu, NamesAMicroBatchWhoseStepsFit) {
  const size_t all = plan_step(config(64), 64).extent, half = plan_step(config(32), 32).extent;
  const DeviceOf device((all + half) / 2 + library_bytes(config(64), kCuda));
  const std::string message = train(64);
  std::smatch named;
  ASSERT_TRUE(
      std::regex_search(message, named, std::regex("on paper train.micro_batch=(\\d+) fits")))
      << message;
  const int fits = std::stoi(named[1]);
  EXPECT_GE(fits, 32 / 2);
  EXPECT_LT(fits, 64);
  // Evaluation, which follows, has memory of its own and is not on the paper.
  EXPECT_EQ(train(fits).find("training step"), std::string::npos);
}

}  // namespace
}  // namespace vicinity::testing
#endif
