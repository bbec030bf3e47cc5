// Training on CUDA (a GPU, or the kernels emulated) against training on the CPU: the same code, the
// same losses; and the step as one recorded graph against the step op by op: the same bits.
#include "tests/support/tiny_models.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/run/step_on_paper.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kBatch = 5, kLeaf = 3;  // two leaves of different sizes

struct Training {
  DType act = DType::f32;
  Device device = kCpu;
  bool graph = true;
  bool staged = true;
  bool recompute = false;
  std::string optimizer = "adamw";
  int steps = 6;
};

struct Trained {
  std::vector<double> losses, norms;
  Tensor weights, average;
};

Tensor some_images(int64_t count, int step) {
  Tensor images = empty({count, 28, 28, 3}, DType::u8);
  Random random(7, Purpose::test, static_cast<uint64_t>(step));
  for (int64_t i = 0; i < images.size(); ++i)
    images.data<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  return images;
}

Tensor some_labels(int64_t count, int step) {
  std::vector<int32_t> labels;
  for (int64_t b = 0; b < count; ++b) labels.push_back(static_cast<int32_t>((b + step) % 4));
  return tensor_of<int32_t>({count}, labels);
}

struct SomeBatch {
  Tensor images, labels;
};
SomeBatch batch_of(int step) {
  const int64_t count = step == 3 ? 2 : kBatch;  // the last batch of an epoch may be short
  return {some_images(count, step), some_labels(count, step)};
}

ModelConfig dropping(ModelConfig config) {
  config.dinat.drop_path_rate = config.dinov2.drop_path_rate = 0.3;
  return config;
}

Trained train(const ModelConfig& config, const Training& how) {
  const auto model = make_model(dropping(config), DType::f32, how.device);
  model->initialise(4, "hf");
  if (how.act == DType::bf16) model->store().enable_copies();
  OptimConfig optim;
  optim.name = how.optimizer;
  optim.layer_decay = 0.9;
  const auto optimizer = make_optimizer(optim, model->store().value(), /*ema=*/0.9);
  const Tensor class_weights = to_device(tensor_of<float>({4}, {1, 2, 0.5, 1}), how.device);
  Classify task(*model, normalization_of({}), 0.1, {}, class_weights);
  Trainer trainer(*model, task, *optimizer, trainable_ranges(*model, optim),
                  {.act = how.act,
                   .seed = 3,
                   .micro_batch = kLeaf,
                   .clip_grad = 1,
                   .recompute = how.recompute,
                   .head_dropout = 0.2,
                   .cuda_graph = how.graph,
                   .schedule = {.peak_lr = how.optimizer == "sgd" ? 0.05 : 2e-3,
                                .weight_decay = 0.05,
                                .total_steps = 20}});
  Trained result;
  SomeBatch next = batch_of(0);
  for (int step = 0; step < how.steps; ++step) {
    const SomeBatch batch = std::exchange(next, SomeBatch{});
    const StepReport report = trainer.step(batch.images, batch.labels, [&] {
      next = batch_of(step + 1);
      if (how.staged) trainer.stage(next.images, next.labels);
    });
    result.losses.push_back(report.loss);
    result.norms.push_back(report.grad_norm);
  }
  result.weights = to_device(model->store().value(), kCpu);
  result.average = to_device(optimizer->average(), kCpu);
  return result;
}

class Devices : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cuda_is_there()) GTEST_SKIP() << "no CUDA: " << why_no_cuda();
  }
};

// A GPU takes as many steps as it should; emulated ones take seconds.
int steps_here() { return cuda_is_a_gpu() ? 20 : 6; }

TEST_F(Devices, LossesOfTheGpuAreThoseOfTheCpu) {
  // Not with AdamW, which makes full-size steps of the rounding where a gradient is zero (key
  // biases).
  for (const auto& [name, config] : tiny_models()) {
    const Trained cpu = train(config, {.optimizer = "sgd", .steps = steps_here()}),
                  gpu = train(config, {.device = kCuda, .optimizer = "sgd", .steps = steps_here()});
    for (size_t i = 0; i < cpu.losses.size(); ++i) {
      EXPECT_NEAR(gpu.losses[i] / cpu.losses[i], 1, 1e-4) << name << " step " << i;
      EXPECT_NEAR(gpu.norms[i] / cpu.norms[i], 1, 1e-3) << name << " step " << i;
    }
  }
}

TEST_F(Devices, TheRecordedStepGivesTheBitsOfTheStepOpByOp) {
  for (const auto& [name, config] : tiny_models()) {
    const Training how{
        .act = DType::bf16, .device = kCuda, .optimizer = "sgd", .steps = steps_here()};
    Training plain = how;
    plain.graph = plain.staged = false;
    const Trained recorded = train(config, how), one_by_one = train(config, plain);
    EXPECT_EQ(recorded.losses, one_by_one.losses) << name;
    EXPECT_EQ(recorded.norms, one_by_one.norms) << name;
    EXPECT_TRUE(same_bits(recorded.weights, one_by_one.weights)) << name;
    EXPECT_TRUE(same_bits(recorded.average, one_by_one.average)) << name;
    EXPECT_FALSE(same_bits(recorded.average, recorded.weights)) << name;
    EXPECT_TRUE(same_bits(recorded.weights, train(config, how).weights)) << name << " again";
  }
}

// Drop path draws the same again, and a recorded step holds both runs.
TEST(Recompute, ChangesNoBitOfAnyStep) {
  for (const auto& [name, config] : tiny_models()) {
    for (const DType act : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(name + " " + name_of(act));
      const Trained kept = train(config, {.act = act}),
                    again = train(config, {.act = act, .recompute = true});
      EXPECT_EQ(kept.losses, again.losses);
      EXPECT_EQ(kept.norms, again.norms);
      EXPECT_TRUE(same_bits(kept.weights, again.weights));
    }
  }
}

TEST_F(Devices, RecomputationIsRecordedToo) {
  for (const auto& [name, config] : tiny_models()) {
    const Training how{.act = DType::bf16, .device = kCuda, .optimizer = "sgd"};
    Training again = how;
    again.recompute = true;
    const Trained kept = train(config, how), recomputed = train(config, again);
    EXPECT_EQ(kept.losses, recomputed.losses) << name;
    EXPECT_TRUE(same_bits(kept.weights, recomputed.weights)) << name;
  }
}

TEST(StepOnPaper, RecomputationTakesLessMemoryAndAnotherForward) {
  for (const auto& [name, architecture] : tiny_models()) {
    SCOPED_TRACE(name);
    RunConfig config;
    config.model.architecture = architecture;
    config.model.architecture.dinat.depths = {4, 4};
    config.model.architecture.dinat.dilations = {{1, 2, 1, 2}, {1, 1, 1, 1}};
    config.model.architecture.dinov2.num_hidden_layers = 8;
    config.data.transform.image_size = 28;
    config.train.batch = 256;
    const StepOnPaper kept = plan_step(config, 256);
    config.train.recompute = "block";
    const StepOnPaper again = plan_step(config, 256);
    EXPECT_LT(again.step_bytes, kept.step_bytes / 2);
    EXPECT_GT(again.step_flops, 1.2 * kept.step_flops);
    EXPECT_LT(again.step_flops, 1.4 * kept.step_flops);
  }
}

TEST_F(Devices, ALossThatIsNotFiniteLeavesTheWeights) {
  const auto model = make_model(tiny_dinov2(), DType::f32, kCuda);
  model->initialise(4, "hf");
  const Published& entry = model->store().published()[0];
  model->store().adopt(model->store().value(), entry, full(entry.shape, NAN, DType::f32));
  const Tensor before = to_device(model->store().value(), kCpu);
  const auto optimizer = make_optimizer(OptimConfig{}, model->store().value());
  Classify task(*model, normalization_of({}), 0);
  Trainer trainer(*model, task, *optimizer, trainable_ranges(*model, {}), {.micro_batch = 8});
  for (int step = 0; step < 3; ++step) {  // op by op, while recording, launched
    EXPECT_THROW(trainer.step(some_images(2, 0), some_labels(2, 0)), DivergedError);
  }
  EXPECT_TRUE(same_bits(model->store().value(), before));
}

TEST(StepOnPaper, TheLargestMicroBatchFitsAndOneMoreDoesNot) {
  for (const auto& [name, architecture] : tiny_models()) {
    RunConfig config;
    config.model.architecture = architecture;
    config.data.transform.image_size = 28;
    config.train.precision = "bf16";
    config.train.batch = 700;
    for (const size_t bytes : {size_t{8} << 20, size_t{30} << 20}) {
      const int64_t fits = largest_micro_batch(config, bytes);
      ASSERT_GT(fits, 0) << name;
      EXPECT_LE(plan_step(config, fits).extent, bytes) << name;
      EXPECT_GT(plan_step(config, fits + 1).extent, bytes) << name;
    }
    EXPECT_EQ(largest_micro_batch(config, 1000), 0) << name;
  }
}

}  // namespace
}  // namespace vicinity::testing
