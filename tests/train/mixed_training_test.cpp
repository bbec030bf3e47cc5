// Training on mixed and erased images: bits, and what is counted.
#include "core/ops/normalize_images.h"
#include "tests/support/tiny_models.h"
#include "train/optim/make_optimizer.h"
#include "train/optim/param_groups.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity::testing {
namespace {

const MixingConfig kMixing{.mixup = 0.8, .cutmix = 1, .mix_off_epoch = 2, .erase = 0.4};
constexpr int64_t kBatch = 7, kLeaf = 4;  // leaves of 4 and 3 images; in step 2 of one image
constexpr int kStepsPerEpoch = 3;         // mixing ends with step 6

struct SomeBatch {
  Tensor images, labels;
};
SomeBatch batch_of(int step) {
  const int64_t count = step % kStepsPerEpoch == 2 ? 5 : kBatch;
  SomeBatch batch{empty({count, 28, 28, 3}, DType::u8), empty({count}, DType::i32)};
  Random random(7, Purpose::test, static_cast<uint64_t>(step));
  for (int64_t i = 0; i < batch.images.size(); ++i)
    batch.images.data<uint8_t>()[i] = static_cast<uint8_t>(random.next());
  for (int64_t i = 0; i < count; ++i)
    batch.labels.data<int32_t>()[i] = static_cast<int32_t>(random.below(4));
  return batch;
}

// A network with what a step needs.
struct Training {
  std::unique_ptr<Model> model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Classify> task;
  std::unique_ptr<Trainer> trainer;
  std::vector<double> losses, accuracies;

  Training(const ModelConfig& config, DType act, Device device = kCpu, bool graph = true,
           const std::string& optimizer_name = "adamw")
      : model(make_model(config, DType::f32, device)) {
    model->initialise(4, "hf");
    if (act == DType::bf16) model->store().enable_copies();
    OptimConfig optim;
    optim.name = optimizer_name;
    optimizer = make_optimizer(optim, model->store().value());
    task = std::make_unique<Classify>(*model, normalization_of({}), 0.1,
                                      Mixing(kMixing, kStepsPerEpoch));
    trainer = new_trainer(act, graph);
  }
  std::unique_ptr<Trainer> new_trainer(DType act, bool graph) {
    return std::make_unique<Trainer>(
        *model, *task, *optimizer, trainable_ranges(*model, {}),
        Trainer::Settings{.act = act,
                          .seed = 3,
                          .micro_batch = kLeaf,
                          .cuda_graph = graph,
                          .schedule = {.peak_lr = 2e-3, .total_steps = 20}});
  }
  void train(int from, int to) {
    for (int step = from; step < to; ++step) {
      const SomeBatch batch = batch_of(step);
      const StepReport report = trainer->step(batch.images, batch.labels);
      losses.push_back(report.loss);
      accuracies.push_back(report.accuracy);
    }
  }
  Tensor weights() const { return to_device(model->store().value(), kCpu); }
};

constexpr int kSteps = 9;

TEST(MixedTraining, SameBitsOnAnyThreadsAndAfterResume) {
  const int before = cpu().threads();
  for (const auto& [name, config] : tiny_models()) {
    for (const DType act : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(str(name, " ", act));
      cpu().set_threads(1);
      Training one(config, act);
      one.train(0, kSteps);
      for (const int threads : {2, 4}) {
        cpu().set_threads(threads);
        Training more(config, act);
        more.train(0, 4);
        more.trainer = more.new_trainer(act, true);  // as a resumed run has it
        more.trainer->set_steps_done(4);
        more.train(4, kSteps);
        EXPECT_EQ(one.losses, more.losses);
        EXPECT_EQ(one.accuracies, more.accuracies);
        EXPECT_TRUE(same_bits(one.weights(), more.weights()));
      }
    }
  }
  cpu().set_threads(before);
}

TEST(MixedTraining, TheRecordedStepDrawsAnewAtEveryLaunch) {
  if (!cuda_is_there()) GTEST_SKIP() << "no CUDA: " << why_no_cuda();
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    Training recorded(config, DType::bf16, kCuda), one_by_one(config, DType::bf16, kCuda, false);
    recorded.train(0, kSteps);
    one_by_one.train(0, kSteps);
    EXPECT_EQ(recorded.losses, one_by_one.losses);
    EXPECT_EQ(recorded.accuracies, one_by_one.accuracies);
    EXPECT_TRUE(same_bits(recorded.weights(), one_by_one.weights()));
  }
}

TEST(MixedTraining, LossesOfTheGpuAreThoseOfTheCpu) {
  if (!cuda_is_there()) GTEST_SKIP() << "no CUDA: " << why_no_cuda();
  for (const auto& [name, config] : tiny_models()) {
    Training cpu(config, DType::f32, kCpu, true, "sgd"),
        gpu(config, DType::f32, kCuda, true, "sgd");
    cpu.train(0, 4);
    gpu.train(0, 4);
    for (size_t i = 0; i < cpu.losses.size(); ++i)
      EXPECT_NEAR(gpu.losses[i] / cpu.losses[i], 1, 1e-4) << name << " step " << i;
  }
}

// What a leaf's loss and ranks are, put together by hand.
TEST(MixedTraining, TargetsAreMixedAndTheHeavierLabelCounts) {
  const auto model = tiny_model(tiny_dinov2(), DType::f32);
  const Normalization n = normalization_of({});
  const Mixing mixing({.mixup = 0.8, .cutmix = 1, .erase = 0.5}, 1);
  Classify task(*model, n, 0.1, mixing);
  bool swapped = false;
  for (int64_t step = 0; step < 6; ++step) {
    const SomeBatch batch = batch_of(0);
    const LeafBatch leaf{.images = batch.images, .labels = batch.labels, .batch_size = 2 * kBatch};
    Pass pass{.training = true, .act = DType::f32, .seed = 3, .step = step};
    LeafOutcome outcome;
    const Variable loss = task.loss(leaf, pass, outcome);

    const LeafMix mix = draw_mix({.mixup = 0.8, .cutmix = 1}, 3, step, 0, 28, 28);
    const Tensor images =
        normalize_images(batch.images, n.mean, n.std, DType::f32, mixing.changes(leaf, pass));
    const Tensor logits = model->logits(images, pass).value();
    double sum = 0;
    for (int64_t i = 0; i < kBatch; ++i) {
      const int32_t own = batch.labels.data<int32_t>()[i],
                    partner = batch.labels.data<int32_t>()[kBatch - 1 - i];
      double target[4], total = 0, of_image = 0;
      for (int k = 0; k < 4; ++k) {
        target[k] =
            0.025 + 0.9 * ((k == own ? mix.weight : 0) + (k == partner ? 1 - mix.weight : 0));
        total += std::exp(static_cast<double>(logits.data<float>()[i * 4 + k]));
      }
      int rank = 0;
      const int32_t counted = mix.weight >= 0.5 ? own : partner;
      swapped = swapped || counted != own;
      for (int k = 0; k < 4; ++k) {
        const auto logit = static_cast<double>(logits.data<float>()[i * 4 + k]);
        of_image -= target[k] * (logit - std::log(total));
        rank += logits.data<float>()[i * 4 + k] > logits.data<float>()[i * 4 + counted];
      }
      EXPECT_NEAR(outcome.losses.data<float>()[i], of_image, 1e-5);
      EXPECT_EQ(outcome.ranks.data<int32_t>()[i], rank);
      sum += of_image;
    }
    EXPECT_NEAR(loss.value().data<float>()[0], sum / (2 * kBatch), 1e-5);
  }
  EXPECT_TRUE(swapped) << "no step gave the partner's label the larger weight";
}

}  // namespace
}  // namespace vicinity::testing
