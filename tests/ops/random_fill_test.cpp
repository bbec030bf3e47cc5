#include <cmath>
#include <numbers>

#include "core/ops/random_fill.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

constexpr RandomStream kStream{7, Purpose::test, 123456789012ull};

Tensor filled_normal(const Shape& shape, double deviation, DType dtype) {
  Tensor x = empty(shape, dtype);
  normal_(x, deviation, kStream);
  return x;
}

TEST(RandomFill, UniformDrawsAreThoseOfTheStream) {
  Tensor x = empty({1031}, DType::f32);
  uniform_(x, 0, 1, kStream);
  Random random(kStream.seed, kStream.purpose, kStream.stream);
  for (int64_t i = 0; i < x.size(); ++i) ASSERT_EQ(x.data<float>()[i], random.uniform()) << i;
}

TEST(RandomFill, UniformStaysInsideItsBounds) {
  Tensor x = empty({300, 1000}, DType::f64);
  uniform_(x, -0.25, 0.5, kStream);
  double sum = 0, least = 1, most = -1;
  for (const double v : values_of<double>(x)) {
    sum += v;
    least = std::min(least, v);
    most = std::max(most, v);
  }
  EXPECT_GE(least, -0.25);
  EXPECT_LT(least, -0.2499);
  EXPECT_LT(most, 0.5);
  EXPECT_GT(most, 0.4999);
  EXPECT_NEAR(sum / 300000, 0.125, 5 * 0.2165 / std::sqrt(300000));
}

TEST(RandomFill, NormalIsBoxMullerOfTheStream) {
  const Tensor x = filled_normal({70001}, 1, DType::f32);
  Random random(kStream.seed, kStream.purpose, kStream.stream);
  for (int64_t i = 0; i + 1 < x.size(); i += 2) {
    const double u = (static_cast<double>(random.next() >> 9) + 0.5) * 0x1p-23;
    const double v = static_cast<double>(random.next() >> 8) * 0x1p-24;
    const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
    ASSERT_NEAR(x.data<float>()[i], radius * std::cos(angle), 1e-6) << i;
    ASSERT_NEAR(x.data<float>()[i + 1], radius * std::sin(angle), 1e-6) << i;
  }
}

TEST(RandomFill, NormalHasItsMoments) {
  const int64_t n = 1 << 20;
  double power[5] = {};
  for (const double v : values_of<double>(filled_normal({n}, 0.5, DType::f64))) {
    for (int k = 1; k <= 4; ++k) power[k] += std::pow(v / 0.5, k) / static_cast<double>(n);
  }
  const double noise = 5 / std::sqrt(static_cast<double>(n));  // five standard errors, times each's
  EXPECT_NEAR(power[1], 0, noise);
  EXPECT_NEAR(power[2], 1, noise * std::sqrt(2));
  EXPECT_NEAR(power[3], 0, noise * std::sqrt(15));
  EXPECT_NEAR(power[4], 3, noise * std::sqrt(96));
}

TEST(RandomFill, EveryDtypeStartsFromTheSameValues) {
  const Tensor narrow = filled_normal({5, 77}, 0.02, DType::f32),
               wide = filled_normal({5, 77}, 0.02, DType::f64);
  EXPECT_TRUE(same_bits(cast(narrow, DType::f64), wide));
}

TEST(RandomFill, BitsDoNotDependOnThreads) {
  const int before = cpu().threads();
  cpu().set_threads(1);
  const Tensor one = filled_normal({100003}, 1, DType::f32);
  cpu().set_threads(4);
  EXPECT_TRUE(same_bits(one, filled_normal({100003}, 1, DType::f32)));
  cpu().set_threads(before);
}

TEST(RandomFill, StreamsDiffer) {
  Tensor a = empty({64}, DType::f32), b = empty({64}, DType::f32);
  normal_(a, 1, {1, Purpose::test, 0});
  normal_(b, 1, {1, Purpose::test, 1});
  EXPECT_FALSE(same_bits(a, b));
  normal_(b, 1, {2, Purpose::test, 0});
  EXPECT_FALSE(same_bits(a, b));
}

}  // namespace
}  // namespace vicinity::testing
