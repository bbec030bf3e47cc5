#include "autograd/ops/attention.h"

#include "core/ops/attention.h"
#include "tests/support/fp64.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

Tensor reference_attention(const Tensor& packed, int64_t heads) {
  reference::View qkv(packed), out(packed.shape().with_last(packed.dim(2) / 3));
  const int64_t n = qkv.dim(1), c = qkv.dim(2) / 3, d = c / heads;
  for (int64_t b = 0; b < qkv.dim(0); ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        std::vector<double> e;
        double sum = 0;
        for (int64_t j = 0; j < n; ++j) {
          double s = 0;
          for (int64_t t = 0; t < d; ++t) s += qkv(b, i, h * d + t) * qkv(b, j, c + h * d + t);
          e.push_back(std::exp(s / std::sqrt(static_cast<double>(d))));
          sum += e.back();
        }
        for (int64_t j = 0; j < n; ++j)
          for (int64_t t = 0; t < d; ++t)
            out(b, i, h * d + t) += e[static_cast<size_t>(j)] / sum * qkv(b, j, 2 * c + h * d + t);
      }
  return out.tensor();
}

std::vector<OpCase> attention_cases() {
  std::vector<OpCase> cases;
  for (const auto& [batch, tokens, heads, dim] : std::vector<std::array<int64_t, 4>>{
           {1, 1, 1, 1}, {2, 17, 3, 8}, {3, 50, 2, 64}, {1, 65, 1, 33}, {20, 5, 2, 4}}) {
    cases.push_back(
        {.name = str("B ", batch, " N ", tokens, " heads ", heads, " d ", dim),
         .inputs = {{{batch, tokens, 3 * heads * dim}}},
         .run = [heads](const auto& in) { return std::vector<Variable>{attention(in[0], heads)}; },
         .reference =
             [heads](const auto& in) {
               return std::vector<Tensor>{reference_attention(in[0], heads)};
             }});
  }
  return cases;
}

TEST(Attention, GradientsMatchDifferences) { check_gradients(attention_cases()); }
TEST(Attention, BackendsAgree) { check_backends(attention_cases()); }
TEST(Attention, SameBitsOnAnyThreadCount) { check_threads(attention_cases()); }

TEST(Attention, ProbabilitiesSumToOne) {
  const Tensor p = attention_probabilities(random_tensor({2, 9, 12}, 1), 2);
  for (int64_t row = 0; row < p.rows(); ++row) {
    double sum = 0;
    for (int64_t j = 0; j < 9; ++j) sum += p.data<double>()[row * 9 + j];
    EXPECT_NEAR(sum, 1, 1e-14);
  }
}

TEST(Attention, HugeScoresStayFinite) {
  const Tensor qkv = cast(random_tensor({1, 8, 12}, 2, 300), DType::f32);
  for (const float value : values_of<float>(attention(qkv, 1))) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace vicinity::testing
