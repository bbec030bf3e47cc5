#include "tests/ops/position_interpolation_cases.h"

namespace vicinity::testing {
namespace {

TEST(PositionInterpolation, GradientsMatchDifferences) {
  check_gradients(position_interpolation_cases());
}
TEST(PositionInterpolation, BackendsAgree) { check_backends(position_interpolation_cases()); }
TEST(PositionInterpolation, SameBitsOnAnyThreadCount) {
  check_threads(position_interpolation_cases());
}

struct Published {
  int64_t height, width;
  PositionMode mode;
  double corners[5];  // (0, 0), (0, w - 1), (h / 2, w / 2), (h - 1, 0), (h - 1, w - 1)
  double sum;
};

constexpr auto A = PositionMode::hf437, B = PositionMode::size, C = PositionMode::antialias;

// Computed with PyTorch from the 37 x 37 table sin(0.3 i) + cos(0.2 j) + 0.01 i j.
constexpr Published kPublished[] = {
    {16, 16, A, {1.1633371, 1.0933504, 2.3054591, 0.2859894, 12.1986471}, 876.715298},
    {16, 16, B, {1.1655493, 1.0623290, 2.4201860, 0.2598959, 12.3188530}, 886.394884},
    {16, 16, C, {1.2048239, 1.1763354, 2.3899229, 0.3282374, 12.2596890}, 887.019263},
    {16, 24, A, {1.1655704, 1.0243496, 2.1810694, 0.1671901, 12.3007645}, 1317.936123},
    {16, 24, B, {1.1678531, 1.0105598, 2.2700339, 0.1384825, 12.3908010}, 1329.382861},
    {16, 24, C, {1.2124953, 1.1212943, 2.2652955, 0.1960046, 12.3445521}, 1330.351194},
    {40, 37, A, {0.9921027, 0.6017795, 1.7152457, 0.0226360, 12.5611914}, 5093.802416},
    {40, 37, B, {0.9923002, 0.5912716, 1.7490274, 0.0164259, 12.5941571}, 5122.892447},
    {40, 37, C, {0.9947577, 0.5967229, 1.7489990, 0.0172678, 12.5920053}, 5124.054060}};

TEST(PositionInterpolation, MatchesThePublishedNumbers) {
  Tensor table = full({1 + 37 * 37, 1}, -5, DType::f64);
  for (int i = 0; i < 37; ++i) {
    for (int j = 0; j < 37; ++j)
      table.data<double>()[1 + i * 37 + j] = std::sin(0.3 * i) + std::cos(0.2 * j) + 0.01 * i * j;
  }
  for (const Published& p : kPublished) {
    SCOPED_TRACE(str(p.height, " x ", p.width, " mode ", static_cast<int>(p.mode)));
    for (const DType dtype : {DType::f64, DType::f32}) {
      const Tensor y =
          cast(interpolate_positions(cast(table, dtype), p.height, p.width, p.mode), DType::f64);
      const auto at = [&](int64_t i, int64_t j) { return y.data<double>()[1 + i * p.width + j]; };
      const double corners[] = {at(0, 0), at(0, p.width - 1), at(p.height / 2, p.width / 2),
                                at(p.height - 1, 0), at(p.height - 1, p.width - 1)};
      for (int k = 0; k < 5; ++k) EXPECT_NEAR(corners[k], p.corners[k], 2e-6) << "value " << k;
      double sum = 0;
      for (int64_t i = 1; i < y.dim(0); ++i) sum += y.data<double>()[i];
      EXPECT_NEAR(sum, p.sum, 1e-3);
      EXPECT_EQ(y.data<double>()[0], -5);  // the class token stays
    }
  }
}

TEST(PositionInterpolation, OwnSizeIsTheTableItself) {
  const Tensor table = random_tensor({1 + 36, 4}, 9);
  for (const PositionMode mode : {B, C})
    EXPECT_LT(relative_error(interpolate_positions(table, 6, 6, mode), table), 1e-15);
  EXPECT_GT(relative_error(interpolate_positions(table, 6, 6, A), table), 1e-3);  // its + 0.1
}

TEST(PositionInterpolation, ConstantTablesStayConstant) {
  for (const auto& [name, mode] : kPositionModes) {
    const Tensor y = interpolate_positions(full({1 + 25, 3}, 2, DType::f64), 3, 8, mode);
    EXPECT_LT(relative_error(y, full(y.shape(), 2, DType::f64)), 1e-14) << name;
  }
}

TEST(PositionInterpolation, MisfitsAreRefused) {
  EXPECT_THROW(interpolate_positions(empty({16, 4}, DType::f32), 2, 2, B), ShapeError);
  EXPECT_THROW(interpolate_positions(empty({17, 4}, DType::f32), 0, 2, B), ShapeError);
  EXPECT_THROW(parse_position_mode("bicubic"), ConfigError);
  for (const auto& [name, mode] : kPositionModes) EXPECT_EQ(parse_position_mode(name), mode);
}

}  // namespace
}  // namespace vicinity::testing
