#include "tests/ops/cross_entropy_cases.h"

namespace vicinity::testing {
namespace {

TEST(CrossEntropy, GradientsMatchDifferences) { check_gradients(cross_entropy_cases()); }
TEST(CrossEntropy, BackendsAgree) { check_backends(cross_entropy_cases()); }
TEST(CrossEntropy, SameBitsOnAnyThreadCount) { check_threads(cross_entropy_cases()); }
TEST(SumScaled, GradientsMatchDifferences) { check_gradients(sum_scaled_cases()); }
TEST(SumScaled, BackendsAgree) { check_backends(sum_scaled_cases()); }

TEST(CrossEntropy, EqualLogitsCostTheLogarithmOfTheClasses) {
  const Tensor loss = cross_entropy(full({4, 10}, 3, DType::f32),
                                    {.first = some_labels(4, 10, 3), .smoothing = 0.1});
  for (const float value : values_of<float>(loss)) EXPECT_NEAR(value, std::log(10.0), 1e-6);
}

TEST(CrossEntropy, HugeLogitsStayFiniteAndExact) {
  for (const Device device : test_devices()) {
    const Tensor logits =
        to_device(tensor_of<float>({2, 3}, {1e5f, 0, -1e5f, 3e38f, -3e38f, 0}), device);
    const Targets targets{.first = to_device(tensor_of<int32_t>({2}, {1, 0}), device)};
    const Tensor losses = cross_entropy(logits, targets);
    EXPECT_EQ(values_of<float>(to_device(losses, kCpu)), (std::vector<float>{1e5f, 0}));
    const Tensor dlogits =
        cross_entropy_backward(full({2}, 2, DType::f32, device), logits, targets);
    EXPECT_EQ(values_of<float>(to_device(dlogits, kCpu)), (std::vector<float>{2, -2, 0, 0, 0, 0}));
  }
}

TEST(CrossEntropy, ShiftOfTheLogitsChangesNothing) {
  const Tensor logits = random_tensor({6, 40}, 1);
  const Targets targets = mixed_targets(6, 40, 0.1);
  const Tensor shifted = add(logits, full({6, 40}, 50, DType::f64));
  EXPECT_LT(relative_error(cross_entropy(shifted, targets), cross_entropy(logits, targets)), 1e-13);
}

TEST(CrossEntropy, GradientOfEachSampleSumsToZero) {
  const Tensor logits = random_tensor({5, 33}, 1), ones = full({5}, 1, DType::f64);
  const Tensor d = cross_entropy_backward(ones, logits, mixed_targets(5, 33, 0.1));
  for (int64_t b = 0; b < 5; ++b) {
    double sum = 0;
    for (int64_t k = 0; k < 33; ++k) sum += d.data<double>()[b * 33 + k];
    EXPECT_NEAR(sum, 0, 1e-14);
  }
}

TEST(CrossEntropy, LabelsOutsideAreNamed) {
  const Tensor logits = zeros({2, 3}, DType::f32);
  for (const int32_t label : {-1, 3}) {
    try {
      cross_entropy(logits, {.first = tensor_of<int32_t>({2}, {0, label})});
      FAIL() << "label " << label << " was taken";
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find(str("label ", label)), std::string::npos);
    }
  }
  EXPECT_THROW(cross_entropy(logits, {.first = tensor_of<int32_t>({2}, {0, 1}),
                                      .second = tensor_of<int32_t>({2}, {0, 7}),
                                      .weight = full({2}, 0.5, DType::f32)}),
               DataError);
}

TEST(CrossEntropy, LabelsOutsideOnTheDeviceGiveNan) {
  if (!cuda_is_there()) GTEST_SKIP() << why_no_cuda();
  const Tensor logits = zeros({3, 2}, DType::f32, kCuda);
  const Targets targets{.first = to_device(tensor_of<int32_t>({3}, {-1, 1, 2}), kCuda)};
  const Tensor d = cross_entropy_backward(full({3}, 1, DType::f32, kCuda), logits, targets);
  const std::vector<float> losses =
                               values_of<float>(to_device(cross_entropy(logits, targets), kCpu)),
                           dlogits = values_of<float>(to_device(d, kCpu));
  for (const size_t b : {0, 2}) {
    EXPECT_TRUE(std::isnan(losses[b]) && std::isnan(dlogits[2 * b]) &&
                std::isnan(dlogits[2 * b + 1]));
  }
  EXPECT_FLOAT_EQ(losses[1], std::log(2.0f));
  EXPECT_FLOAT_EQ(dlogits[3], -0.5f);
}

TEST(CrossEntropy, MisfitsAreRefused) {
  const Tensor logits = zeros({2, 3}, DType::f32), labels = tensor_of<int32_t>({2}, {0, 1});
  EXPECT_THROW(cross_entropy(logits, {}), ShapeError);
  EXPECT_THROW(cross_entropy(logits, {.first = tensor_of<int32_t>({1}, {0})}), ShapeError);
  EXPECT_THROW(cross_entropy(logits, {.first = labels, .second = labels}), ShapeError);
  EXPECT_THROW(cross_entropy(logits, {.dense = zeros({2, 4}, DType::f32)}), ShapeError);
  EXPECT_THROW(cross_entropy(logits, {.dense = zeros({2, 3}, DType::f64)}), DTypeError);
  EXPECT_THROW(cross_entropy(cast(logits, DType::bf16), {.first = labels}), DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
