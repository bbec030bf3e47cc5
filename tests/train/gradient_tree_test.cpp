#include "train/gradient_tree.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/random.h"
#include "core/ops/elementwise.h"
#include "train/schedule.h"

namespace vicinity {
namespace {

std::vector<float> leaf(int64_t index) {
  Random random(5, Purpose::test, static_cast<uint64_t>(index));
  std::vector<float> values(37);
  for (float& value : values)
    value = static_cast<float>(random.normal() * std::pow(10, random.uniform(-4, 4)));
  return values;
}

// The tree by its definition: split at the largest power of two below n.
std::vector<float> tree_sum(int64_t begin, int64_t end) {
  if (end - begin == 1) return leaf(begin);
  int64_t half = 1;
  while (half * 2 < end - begin) half *= 2;
  std::vector<float> left = tree_sum(begin, begin + half);
  const std::vector<float> right = tree_sum(begin + half, end);
  for (size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  return left;
}

TEST(GradientTree, AddsInTheShapeOfTheBalancedTree) {
  GradientTree tree;
  Tensor same_memory = zeros({37}, DType::f32);
  for (int64_t n = 1; n <= 20; ++n) {
    const Tensor sum = tree.sum(static_cast<size_t>(n), [&](size_t i) {
      copy_(same_memory, tensor_of<float>({37}, leaf(static_cast<int64_t>(i))));
      return same_memory;
    });
    EXPECT_EQ(values_of<float>(sum), tree_sum(0, n)) << n << " leaves";
  }
}

TEST(Schedule, WarmsUpThenFollowsACosine) {
  const Schedule s{
      .peak_lr = 1, .final_lr = 0.1, .weight_decay = 0.05, .warmup_steps = 10, .total_steps = 110};
  EXPECT_DOUBLE_EQ(s.at(0).lr, 0.1);
  EXPECT_DOUBLE_EQ(s.at(9).lr, 1);
  EXPECT_DOUBLE_EQ(s.at(10).lr, 1);
  EXPECT_DOUBLE_EQ(s.at(60).lr, 0.55);
  EXPECT_DOUBLE_EQ(s.at(500).lr, 0.1);
  EXPECT_DOUBLE_EQ(s.at(60).weight_decay, 0.05);
}

TEST(Schedule, LengthsHaveUnits) {
  EXPECT_EQ(parse_length("5ep", 100, 5000), 500);
  EXPECT_EQ(parse_length("0.5", 100, 5000), 50);
  EXPECT_EQ(parse_length("200it", 100, 5000), 200);
  EXPECT_EQ(parse_length("10%", 100, 5000), 500);
  EXPECT_THROW(parse_length("5 apples", 100, 5000), ConfigError);
  EXPECT_THROW(parse_length("-1ep", 100, 5000), ConfigError);
}

}  // namespace
}  // namespace vicinity
