#include "core/base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace vicinity {
namespace {

using Block = std::array<uint32_t, 4>;

// Known answers published with the Random123 library (kat_vectors, philox4x32 10 rounds).
TEST(Philox, PublishedVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, IsAFunctionOfItsKey) {
  Random a(7, Purpose::augmentation, 3, 5), b(7, Purpose::augmentation, 3, 5);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  std::set<uint32_t> first;
  for (uint64_t seed = 0; seed < 20; ++seed)
    first.insert(Random(seed, Purpose::augmentation).next());
  for (uint64_t step = 1; step < 20; ++step)
    first.insert(Random(0, Purpose::augmentation, step).next());
  for (uint32_t layer = 1; layer < 20; ++layer)
    first.insert(Random(0, Purpose::augmentation, 0, layer).next());
  first.insert(Random(0, Purpose::drop_path).next());
  EXPECT_EQ(first.size(), 20u + 19 + 19 + 1);
}

TEST(Random, MomentsAndRanges) {
  Random random(1, Purpose::test);
  double sum = 0, squares = 0, uniform_sum = 0;
  const int n = 200000;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal();
    sum += z;
    squares += z * z;
    const float u = random.uniform();
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    uniform_sum += u;
    ASSERT_LT(random.below(3), 3u);
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(uniform_sum / n, 0.5, 0.005);
}

// Mean a / (a + b), variance a b / ((a + b)^2 (a + b + 1)), and the share below a half from the
// closed forms: of Beta(2, 1) it is 1/4, of symmetric ones 1/2.
TEST(Random, BetaHasItsMoments) {
  const int n = 100000;
  for (const auto& [a, b] : std::vector<std::pair<double, double>>{
           {0.8, 0.8}, {1, 1}, {0.2, 0.2}, {2, 1}, {0.5, 3}, {20, 20}}) {
    Random random(2, Purpose::test);
    double sum = 0, squares = 0, low = 0;
    for (int i = 0; i < n; ++i) {
      const double x = random.beta(a, b);
      ASSERT_TRUE(x >= 0 && x <= 1) << x;
      sum += x / n;
      squares += x * x / n;
      low += x < 0.5 ? 1.0 / n : 0;
    }
    const double mean = a / (a + b), variance = a * b / ((a + b) * (a + b) * (a + b + 1));
    EXPECT_NEAR(sum, mean, 5 * std::sqrt(variance / n)) << a << ' ' << b;
    EXPECT_NEAR(squares - sum * sum, variance, 0.02 * variance) << a << ' ' << b;
    if (a == b || a == 2) {
      EXPECT_NEAR(low, a == b ? 0.5 : 0.25, 0.008) << a << ' ' << b;
    }
  }
  Random random(3, Purpose::test);  // as good as a coin, and never 0 / 0
  for (int i = 0; i < 1000; ++i) {
    const double x = random.beta(1e-9, 1e-9);
    EXPECT_TRUE(x < 1e-3 || x > 1 - 1e-3) << x;
  }
}

}  // namespace
}  // namespace vicinity
