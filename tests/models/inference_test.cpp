// Models that only infer: the bits of those that train, in less memory.
#include "models/weights/load.h"
#include "models/weights/save.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_models.h"

namespace vicinity::testing {
namespace {

const OutputRequest kAll{.last_hidden_state = true,
                         .pooler_output = true,
                         .hidden_states = true,
                         .attentions = true,
                         .logits = true};

void expect_same(const Outputs& a, const Outputs& b) {
  EXPECT_TRUE(same_bits(a.last_hidden_state, b.last_hidden_state));
  EXPECT_TRUE(same_bits(a.pooler_output, b.pooler_output));
  EXPECT_TRUE(same_bits(a.logits, b.logits));
  ASSERT_EQ(a.hidden_states.size(), b.hidden_states.size());
  for (size_t i = 0; i < a.hidden_states.size(); ++i)
    EXPECT_TRUE(same_bits(a.hidden_states[i], b.hidden_states[i])) << i;
  ASSERT_EQ(a.attentions.size(), b.attentions.size());
  for (size_t i = 0; i < a.attentions.size(); ++i)
    EXPECT_TRUE(same_bits(a.attentions[i], b.attentions[i])) << i;
}

TEST(Inference, ModelsHaveTheBitsOfThoseThatTrain) {
  for (const auto& [name, config] : tiny_models()) {
    for (const DType act : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(name + " " + name_of(act));
      const TempDir dir;
      save_hf(*tiny_model(config, DType::f32, 7), dir.path());
      const auto whole = make_model(config, DType::f32);
      load_weights(*whole, dir.path());
      if (act == DType::bf16) whole->store().enable_copies();
      const auto lean = make_inference_model(config, act);
      EXPECT_EQ(load_weights(*lean, dir.path()).matched, 1);
      const Tensor images = cast(tiny_batch(2).images, act);
      expect_same(lean->outputs(images, kAll, {.act = act}),
                  whole->outputs(images, kAll, {.act = act}));
    }
  }
}

TEST(Inference, MatrixOperandsAreKeptOnceAndNothingForGradients) {
  for (const auto& [name, config] : tiny_models()) {
    SCOPED_TRACE(name);
    const auto bytes_of = [](auto&& make) {
      const size_t before = allocator_of(kPlan).use().current;
      const auto model = make();
      return allocator_of(kPlan).use().current - before;
    };
    const size_t trains = bytes_of([&, &c = config] { return make_model(c, DType::f32, kPlan); }),
                 f32 = bytes_of(
                     [&, &c = config] { return make_inference_model(c, DType::f32, kPlan); }),
                 bf16 = bytes_of(
                     [&, &c = config] { return make_inference_model(c, DType::bf16, kPlan); });
    EXPECT_EQ(2 * f32, trains);
    EXPECT_LT(bf16, f32 * 2 / 3);
    EXPECT_GE(bf16, f32 / 2);
  }
}

}  // namespace
}  // namespace vicinity::testing
