#include "autograd/ops/linear.h"

#include "core/ops/linear.h"
#include "tests/support/fp64.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

Tensor reference_linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  reference::View a(x.reshape({x.rows(), x.dim(-1)})), b(w), y(Shape{x.rows(), w.dim(0)});
  for (int64_t i = 0; i < y.dim(0); ++i)
    for (int64_t j = 0; j < y.dim(1); ++j) {
      y(i, j) = bias.defined() ? bias.data<double>()[j] : 0;
      for (int64_t k = 0; k < w.dim(1); ++k) y(i, j) += a(i, k) * b(j, k);
    }
  return y.tensor().reshape(x.shape().with_last(w.dim(0)));
}

OpCase linear_case(const Shape& x, int64_t outputs, bool bias) {
  OpCase c;
  c.name = str("x ", x, " outputs ", outputs, bias ? " bias" : "");
  c.inputs = {{x}, {{outputs, x.dim(-1)}}};
  if (bias) c.inputs.push_back({{outputs}, true});
  c.run = [](const auto& in) {
    return std::vector<Variable>{linear(in[0], in[1], in.size() > 2 ? in[2] : Variable())};
  };
  c.reference = [](const auto& in) {
    return std::vector<Tensor>{reference_linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
  };
  return c;
}

std::vector<OpCase> linear_cases() {
  return {linear_case({1, 1}, 1, true),         linear_case({3, 7}, 5, false),
          linear_case({2, 3, 4, 16}, 24, true), linear_case({1, 64}, 10, true),
          linear_case({517, 9}, 3, true),       linear_case({33, 1}, 2, true)};
}

TEST(Linear, GradientsMatchDifferences) { check_gradients(linear_cases()); }
TEST(Linear, BackendsAgree) { check_backends(linear_cases()); }
TEST(Linear, SameBitsOnAnyThreadCount) { check_threads(linear_cases()); }

// Products of the models, forward and both gradients, where oneDNN alone would split sums by the
// thread count.
TEST(Linear, SameBitsOnAnyThreadCountAtModelShapes) {
  std::vector<OpCase> cases;
  for (const int64_t c : {32, 64, 128, 256, 512}) {
    const int64_t tokens = 200704 / c / c * 8 + 51;
    for (const int64_t outputs : {c, 2 * c, 3 * c})
      cases.push_back(linear_case({tokens, c}, outputs, true));
    cases.push_back(linear_case({tokens, 3 * c}, c, true));
  }
  cases.push_back(linear_case({514, 384}, 1536, true));
  cases.push_back(linear_case({514, 1536}, 384, true));
  cases.push_back(linear_case({6272, 27}, 32, true));
  cases.push_back(linear_case({3136, 288}, 64, true));
  cases.push_back(linear_case({512, 588}, 384, true));
  cases.push_back(linear_case({64, 512}, 1000, true));
  check_threads(cases);
}

TEST(Linear, RefusesWhatDoesNotFit) {
  const Tensor x = empty({2, 3}, DType::f32);
  EXPECT_THROW(linear(x, empty({4, 2}, DType::f32), Tensor()), ShapeError);
  EXPECT_THROW(linear(x, empty({4, 3}, DType::bf16), Tensor()), DTypeError);
  EXPECT_THROW(linear(x, empty({4, 3}, DType::f32), empty({3}, DType::f32)), ShapeError);
  EXPECT_EQ(linear(empty({0, 3}, DType::f32), empty({4, 3}, DType::f32), Tensor()).shape(),
            Shape({0, 4}));
}

}  // namespace
}  // namespace vicinity::testing
