#include "tests/ops/attention_cases.h"

#include "core/ops/attention.h"

namespace vicinity::testing {
namespace {

TEST(Attention, GradientsMatchDifferences) { check_gradients(attention_cases()); }
TEST(Attention, BackendsAgree) { check_backends(attention_cases()); }
TEST(Attention, BackendsAgreeAtTileEdges) { check_backends(attention_tile_cases()); }
TEST(Attention, SameBitsOnAnyThreadCount) { check_threads(attention_cases()); }

TEST(Attention, ProbabilitiesSumToOne) {
  const Tensor p = attention_probabilities(random_tensor({2, 9, 12}, 1), 2);
  for (int64_t row = 0; row < p.rows(); ++row) {
    double sum = 0;
    for (int64_t j = 0; j < 9; ++j) sum += p.data<double>()[row * 9 + j];
    EXPECT_NEAR(sum, 1, 1e-14);
  }
}

TEST(Attention, ProbabilitiesAgree) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  for (const auto& [batch, tokens, heads, dim] :
       std::vector<std::array<int64_t, 4>>{{2, 9, 2, 3}, {1, 65, 2, 64}, {2, 70, 1, 130}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor qkv = cast(random_tensor({batch, tokens, 3 * heads * dim}, 3), dtype);
      const Tensor expected = attention_probabilities(cast(qkv, DType::f64), heads);
      const Tensor p = attention_probabilities(to_device(qkv, kCuda), heads);
      EXPECT_LT(relative_error(p, expected), 1e-5) << tokens << " tokens, d " << dim;
    }
  }
}

TEST(Attention, ProbabilitiesCostQAndKAndWhatTheyWrite) {
  plan().reset();
  attention_probabilities(empty({3, 50, 384}, DType::bf16, kPlan), 2);
  const Cost cost = plan().by_op().at("attention_probabilities").cost;
  EXPECT_DOUBLE_EQ(cost.bytes, 3 * 50 * (2 * 128 * 2 + 2 * 50 * 4));
  EXPECT_DOUBLE_EQ(cost.flops, 2.0 * 3 * 50 * 50 * 128);
}

TEST(Attention, HugeScoresStayFinite) {
  const Tensor qkv = cast(random_tensor({1, 8, 12}, 2, 300), DType::f32);
  for (const float value : values_of<float>(attention(qkv, 1))) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace vicinity::testing
