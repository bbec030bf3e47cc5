#include "tests/ops/linear_cases.h"

#include "core/ops/linear.h"
#include "tests/ops/model_products.h"

namespace vicinity::testing {
namespace {

TEST(Linear, GradientsMatchDifferences) { check_gradients(linear_cases()); }
TEST(Linear, BackendsAgree) { check_backends(linear_cases()); }
TEST(Linear, SameBitsOnAnyThreadCount) { check_threads(linear_cases()); }

TEST(Linear, WideOnesAgreeWithTheReference) { check_backends(wide_linear_cases()); }
TEST(Linear, WideOnesHaveTheSameBitsOnAnyThreadCount) { check_threads(wide_linear_cases()); }

// oneDNN splits the inner axis of some products by the thread count; ours must not.
TEST(Linear, SameBitsOnAnyThreadCountAtModelShapes) {
  for (const ModelProduct& p : model_products()) check_product_threads(p);
}

TEST(Linear, SameBitsOnAnyThreadCountAtRandomShapes) {
  Random random(5, Purpose::test);
  for (int i = 0; i < 60; ++i) {
    const auto extent = [&](uint64_t most) { return static_cast<int64_t>(1 + random.below(most)); };
    check_product_threads({extent(i % 4 == 0 ? 6000 : 700), extent(200), extent(200)});
  }
}

TEST(Linear, AbsentInputGradientIsNotComputed) {
  Leaf w(zeros({2, 3}, DType::f32));
  const Variable x(full({4, 3}, 1, DType::f32));
  backward(linear(x, w.use(full({2, 3}, 1, DType::f32)), Variable()), full({4, 2}, 1, DType::f32));
  EXPECT_EQ(values_of<float>(w.sink()), std::vector<float>(6, 4));
}

TEST(Linear, NoRowsGiveAWeightGradientOfZero) {
  const Tensor dw = linear_backward_weight(empty({0, 2}, DType::bf16), empty({0, 3}, DType::bf16));
  EXPECT_EQ(values_of<float>(dw), std::vector<float>(6, 0));
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
