// Plans of shapes: the bits of the pass without a plan, from memory that is asked for once.
#include "models/inference_plan.h"

#include "core/runtime/profile.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

std::vector<std::pair<std::string, Tensor>> tensors_of(const Outputs& o) {
  std::vector<std::pair<std::string, Tensor>> all = {{"last_hidden_state", o.last_hidden_state},
                                                     {"pooler_output", o.pooler_output},
                                                     {"logits", o.logits}};
  const auto add = [&](const std::string& name, const std::vector<Tensor>& tensors) {
    for (const Tensor& tensor : tensors) all.emplace_back(name, tensor);
  };
  add("hidden_states", o.hidden_states);
  add("reshaped_hidden_states", o.reshaped_hidden_states);
  add("attentions", o.attentions);
  add("feature_maps", o.feature_maps);
  return all;
}

void expect_same(const Outputs& planned, const Outputs& plain) {
  const auto a = tensors_of(planned), b = tensors_of(plain);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    SCOPED_TRACE(a[i].first);
    ASSERT_EQ(a[i].second.defined(), b[i].second.defined());
    if (!b[i].second.defined()) continue;
    EXPECT_TRUE(same_bits(a[i].second, b[i].second));
  }
}

// Everything that a family has.
OutputRequest all_of(const ModelConfig& config) {
  return {.last_hidden_state = true,
          .pooler_output = true,
          .hidden_states = true,
          .reshaped_hidden_states = config.family == "dinat",
          .attentions = true,
          .feature_maps = true,
          .logits = true};
}

std::vector<OutputRequest> requests_of(const ModelConfig& config) {
  return {all_of(config),
          {.logits = true},
          {.pooler_output = true},
          {.hidden_states = true},
          {.attentions = true},
          {.feature_maps = true},
          {.last_hidden_state = true, .logits = true}};
}

ModelConfig backbone(ModelConfig config) {
  config.backbone = {.stages = {0, 1}, .built = true};
  return config;
}

Tensor images_of(int64_t count, int64_t side, uint64_t seed, DType act) {
  return cast(random_tensor({count, side, side, 3}, seed), act);
}

TEST(InferencePlan, HasTheBitsOfThePassWithoutOneForEveryOutput) {
  for (const auto& [name, plain] : tiny_models()) {
    const ModelConfig config = backbone(plain);
    for (const DType act : {DType::f32, DType::bf16}) {
      const auto model = tiny_model(config, act);
      for (const OutputRequest& request : requests_of(config)) {
        SCOPED_TRACE(name + " " + name_of(act));
        InferencePlan plan(*model, request, act);
        for (uint64_t run = 0; run < 4; ++run) {  // watched, laid out, and with another between
          const int64_t count = run == 2 ? 1 : 3, side = run == 2 ? 35 : 28;
          const Tensor images = images_of(count, side, 20 + run, act);
          expect_same(plan(images), model->outputs(images, request, {.act = act}));
        }
      }
    }
  }
}

TEST(InferencePlan, OutputsStayWhatTheyAre) {
  const auto model = tiny_model(tiny_dinov2(), DType::f32);
  InferencePlan plan(*model, {.hidden_states = true, .logits = true}, DType::f32);
  const Tensor first = images_of(2, 28, 1, DType::f32);
  plan(first);
  const Outputs kept = plan(first);
  plan(images_of(2, 28, 2, DType::f32));
  expect_same(kept, model->outputs(first, {.hidden_states = true, .logits = true}, {}));
}

TEST(InferencePlan, AsksForNoMemoryButThatOfItsOutputsAfterTheFirstImages) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    const auto model = tiny_model(config, DType::f32);
    InferencePlan plan(*model, {.logits = true}, DType::f32);
    const Tensor images = images_of(2, 28, 3, DType::f32);
    Allocator& memory = allocator_of(kCpu);
    const auto peak_of = [&](auto&& run) {
      memory.reset_peak();
      const size_t before = memory.use().current;
      const Outputs outputs = run();
      return memory.use().peak - before;
    };
    const size_t whole = peak_of([&] { return model->outputs(images, {.logits = true}, {}); });
    plan(images);
    const size_t logits = 2 * 4 * sizeof(float);
    EXPECT_EQ(peak_of([&] { return plan(images); }), logits);
    EXPECT_GT(plan.block_bytes(), whole / 2);
    EXPECT_LT(plan.block_bytes(), whole + whole / 4) << "what lives at once, with its gaps";
  }
}

TEST(InferencePlan, PositionsAreResampledOnce) {
  const auto model = tiny_model(tiny_dinov2(), DType::f32);
  InferencePlan plan(*model, {.logits = true}, DType::f32);
  profile().reset();
  profile().enable(true);
  for (uint64_t run = 0; run < 3; ++run) plan(images_of(2, 28, run, DType::f32));
  profile().enable(false);
  EXPECT_EQ(profile().by_op().at("interpolate_positions").calls, 1);
  EXPECT_EQ(profile().by_op().at("token_pool").calls, 3);
  profile().reset();
}

TEST(InferencePlan, ShapesThatWereNotUsedForLongAreForgotten) {
  const auto model = tiny_model(tiny_dinat(), DType::f32);
  InferencePlan plan(*model, {.logits = true}, DType::f32);
  size_t four = 0;
  for (int64_t count = 1; count <= 8; ++count) {
    plan(images_of(2, 28, 1, DType::f32));
    plan(images_of(1, 28 + 4 * count, 1, DType::f32));
    if (count == 3) four = plan.block_bytes();
  }
  EXPECT_LT(plan.block_bytes(), 6 * four);
  EXPECT_THROW(plan(zeros({1, 28, 28, 5}, DType::f32)), ShapeError);
  EXPECT_EQ(plan(images_of(2, 28, 1, DType::f32)).logits.shape(), Shape({2, 4}));
}

TEST(InferencePlan, IsRecordedAndLaunchedOnTheDevice) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  for (const auto& [name, plain] : tiny_models()) {
    SCOPED_TRACE(name);
    const ModelConfig config = backbone(plain);
    const auto model = make_model(config, DType::f32, kCuda);
    model->initialise(3, "fan_in");
    model->store().enable_copies();
    const OutputRequest request = all_of(config);
    InferencePlan plan(*model, request, DType::bf16);
    for (uint64_t run = 0; run < 4; ++run) {
      const Tensor images = to_device(images_of(2, 28, run, DType::bf16), kCuda);
      expect_same(plan(images), model->outputs(images, request, {.act = DType::bf16}));
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
