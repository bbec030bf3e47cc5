// What training relies on: gradients that fit the loss, bits that do not depend on threads or on
// how a batch is cut, inference that equals the recorded forward.
#include <cmath>

#include "autograd/record.h"
#include "core/ops/adamw.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

TEST(Training, OneBatchOverfits) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    const auto model = make_model(config, DType::f32);
    model->initialise(3, "original");
    const TinyBatch batch = tiny_batch(8);
    ParameterStore& store = model->store();
    Tensor m = zeros(store.value().shape(), DType::f32),
           v = zeros(store.value().shape(), DType::f32), no_copy;
    const UpdateRanges all = UpdateRanges::whole(m.size());
    double loss = INFINITY;
    int64_t step = 0;
    while (loss > 0.01 && step < 300) {
      loss = forward_backward(*model, batch, Pass{.training = true}).loss;
      adamw_(store.value(), store.grad(), m, v, no_copy, all,
             AdamwStep{.lr = 3e-3, .step = ++step}.factors(), {});
    }
    EXPECT_LT(loss, 0.01) << "after " << step << " steps";
  }
}

TEST(Training, BitsDoNotDependOnThreads) {
  const int before = cpu().threads();
  for (const auto& [name, config] : tiny_models()) {
    for (const DType act : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(str(name, " ", act));
      const auto model = tiny_model(config, act);
      const TinyBatch batch = tiny_batch(6);
      const Pass pass{.training = true, .act = act};
      cpu().set_threads(1);
      const double loss = forward_backward(*model, batch, pass).loss;
      const std::vector<float> grad = values_of<float>(model->store().grad());
      for (const int threads : {2, 4}) {
        cpu().set_threads(threads);
        EXPECT_EQ(loss, forward_backward(*model, batch, pass).loss) << threads;
        const std::vector<float> other = values_of<float>(model->store().grad());
        EXPECT_EQ(0, std::memcmp(grad.data(), other.data(), grad.size() * sizeof(float)))
            << threads;
      }
    }
  }
  cpu().set_threads(before);
}

TEST(Training, GradientsMatchDifferencesOfTheLoss) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = tiny_model(config, DType::f64);
    const TinyBatch batch = tiny_batch(2);
    const Pass pass{.act = DType::f64};
    forward_backward(*model, batch, pass);
    const std::vector<double> grad = values_of<double>(model->store().grad());
    double* value = model->store().value().data<double>();
    for (const Published& p : model->store().published()) {
      if (p.name.ends_with("mask_token")) continue;
      const int64_t i = p.offset + p.size() / 2;
      const double start = value[i];
      value[i] = start + 1e-5;
      const double up = forward_backward(*model, batch, pass).loss;
      value[i] = start - 1e-5;
      const double down = forward_backward(*model, batch, pass).loss;
      value[i] = start;
      EXPECT_NEAR(grad[static_cast<size_t>(i)], (up - down) / 2e-5, 1e-8) << name << " " << p.name;
    }
  }
}

TEST(Training, InferenceEqualsTheRecordedForward) {
  for (const auto& [name, config] : tiny_models()) {
    for (const DType act : {DType::f32, DType::bf16}) {
      const auto model = tiny_model(config, act);
      const TinyBatch batch = tiny_batch(3);
      const Tensor recorded = forward_backward(*model, batch, Pass{.act = act}).logits;
      const NoGrad no_grad;
      const Variable logits = model->logits(cast(batch.images, act), Pass{.act = act});
      EXPECT_FALSE(logits.needs_grad());
      EXPECT_TRUE(same_bits(logits.value(), recorded)) << name << " " << act;
    }
  }
}

TEST(Training, Bf16StaysNearFloat32) {
  for (const auto& [name, config] : tiny_models()) {
    const auto narrow = tiny_model(config, DType::bf16), wide = tiny_model(config, DType::f32);
    const TinyBatch batch = tiny_batch(4);
    const Tensor a = forward_backward(*narrow, batch, Pass{.act = DType::bf16}).logits;
    const Tensor b = forward_backward(*wide, batch, Pass{}).logits;
    EXPECT_LT(relative_error(a, b), 0.03) << name;
    EXPECT_LT(relative_error(narrow->store().grad(), wide->store().grad()), 0.05) << name;
  }
}

ModelConfig dropping(ModelConfig config) {
  config.dinat.drop_path_rate = config.dinov2.drop_path_rate = 0.5;
  return config;
}

TEST(DropPath, DropsInTrainingOnly) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = tiny_model(dropping(config), DType::f32),
               without = tiny_model(config, DType::f32);
    const Tensor images = cast(tiny_batch(4).images, DType::f32);
    const NoGrad no_grad;
    const Tensor expected = without->logits(images, Pass{}).value();
    EXPECT_TRUE(same_bits(model->logits(images, Pass{}).value(), expected)) << name;
    EXPECT_FALSE(same_bits(model->logits(images, Pass{.training = true}).value(), expected))
        << name;
  }
}

// The draws belong to the sample's place in the whole batch: cutting the batch changes nothing.
TEST(DropPath, DrawsDoNotDependOnMicroBatches) {
  for (const auto& [name, config] : tiny_models()) {
    const auto model = tiny_model(dropping(config), DType::f64);
    const Tensor images = tiny_batch(6).images;
    const NoGrad no_grad;
    Pass pass{.training = true, .act = DType::f64, .seed = 9, .step = 4};
    const Tensor whole = model->logits(images, pass).value();
    pass.first_sample = 2;
    const Tensor part = model->logits(images.slice(2, 6), pass).value();
    EXPECT_LT(relative_error(part, whole.slice(2, 6)), 1e-13) << name;
    pass.step = 5;
    EXPECT_GT(relative_error(model->logits(images.slice(2, 6), pass).value(), part), 1e-6) << name;
  }
}

// At rate 1/2 a sample passes a block unchanged when both of its branches are dropped.
TEST(DropPath, BranchesAndBlocksDrawForThemselves) {
  const auto model = tiny_model(dropping(tiny_dinov2()), DType::f32);
  const Outputs outputs = model->outputs(cast(tiny_batch(256).images, DType::f32),
                                         {.hidden_states = true}, {.training = true});
  const auto unchanged = [&](size_t layer) {
    int count = 0;
    for (int64_t b = 0; b < 256; ++b) {
      count += same_bits(outputs.hidden_states[0].slice(b, b + 1),
                         outputs.hidden_states[layer].slice(b, b + 1));
    }
    return count;
  };
  EXPECT_NEAR(unchanged(1), 256 / 4, 35);   // five deviations; 128 if branches shared a draw
  EXPECT_NEAR(unchanged(2), 256 / 16, 20);  // 64 if blocks did
}

TEST(DropPath, FactorsKeepTheMean) {
  const Pass pass{.training = true, .seed = 1, .step = 2};
  const Tensor factors = drop_path_factors(pass, 0.3, 5, 20000, kCpu);
  double sum = 0;
  for (const float f : values_of<float>(factors)) {
    EXPECT_TRUE(f == 0 || f == static_cast<float>(1 / 0.7)) << f;
    sum += f;
  }
  EXPECT_NEAR(sum / 20000, 1, 5 * std::sqrt(0.3 / 0.7 / 20000));
  EXPECT_FALSE(drop_path_factors(pass, 0, 5, 8, kCpu).defined());
  EXPECT_FALSE(same_bits(factors, drop_path_factors(pass, 0.3, 6, 20000, kCpu)));
}

}  // namespace
}  // namespace vicinity::testing
