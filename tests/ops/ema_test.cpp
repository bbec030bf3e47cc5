// The moving average of parameters: the formula over many steps, and what must not move it.
#include "core/ops/ema.h"

#include "tests/support/filled.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kSize = 20011;  // more than one chunk, and no multiple of a vector
constexpr double kDecay = 0.9;

Tensor params_of_step(int step, DType dtype, Device device) {
  return to_device(cast(filled({kSize}, DType::f64, 100 + static_cast<uint64_t>(step)), dtype),
                   device);
}

TEST(Ema, FollowsTheFormulaOverManySteps) {
  std::vector<double> expected = values_of<double>(params_of_step(0, DType::f64, kCpu));
  for (int t = 1; t <= 50; ++t) {
    const std::vector<double> p = values_of<double>(params_of_step(t, DType::f64, kCpu));
    for (size_t i = 0; i < p.size(); ++i) expected[i] = kDecay * expected[i] + (1 - kDecay) * p[i];
  }
  const auto average_of = [](DType dtype, Device device) {
    Tensor average = empty({kSize}, dtype, device);
    copy_(average, params_of_step(0, dtype, device));
    for (int t = 1; t <= 50; ++t) ema_(average, params_of_step(t, dtype, device), kDecay, {});
    return average;
  };
  const Tensor wanted = tensor_of<double>({kSize}, expected);
  EXPECT_LT(relative_error(average_of(DType::f64, kCpu), wanted), 1e-14);
  for (const Device device : test_devices())
    EXPECT_LT(relative_error(average_of(DType::f32, device), wanted), 1e-6) << device;
}

TEST(Ema, EqualWeightsStayToTheBit) {
  for (const Device device : test_devices()) {
    const Tensor params = params_of_step(1, DType::f32, device);
    Tensor average = empty({kSize}, DType::f32, device);
    copy_(average, params);
    for (int t = 0; t < 5; ++t) ema_(average, params, 0.9998, {});
    EXPECT_TRUE(same_bits(average, params)) << device;
  }
}

TEST(Ema, StaysWhereTheStepIsRefused) {
  for (const Device device : test_devices()) {
    const Tensor start = params_of_step(0, DType::f32, device);
    Tensor average = empty({kSize}, DType::f32, device);
    copy_(average, start);
    const Tensor refused = to_device(tensor_of<double>({1}, {NAN}), device),
                 clipped = to_device(tensor_of<double>({1}, {0.25}), device);
    ema_(average, params_of_step(1, DType::f32, device), kDecay, refused);
    EXPECT_TRUE(same_bits(average, start)) << device;
    ema_(average, params_of_step(1, DType::f32, device), kDecay, clipped);
    EXPECT_FALSE(same_bits(average, start)) << device;
  }
}

TEST(Ema, RefusesOtherShapes) {
  Tensor average = zeros({4}, DType::f32);
  EXPECT_THROW(ema_(average, zeros({3}, DType::f32), kDecay, {}), ShapeError);
  EXPECT_THROW(ema_(average, zeros({4}, DType::f64), kDecay, {}), DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
