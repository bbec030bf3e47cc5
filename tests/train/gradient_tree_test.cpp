#include "train/gradient_tree.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/random.h"
#include "core/ops/elementwise.h"

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

TEST(GradientTree, TheLastLeafMayComeInPieces) {
  GradientTree tree;
  for (int64_t n = 1; n <= 9; ++n) {
    for (int64_t i = 0; i + 1 < n; ++i) tree.add(tensor_of<float>({37}, leaf(i)));
    const Tensor last = tensor_of<float>({37}, leaf(n - 1));
    const Tensor place = tree.begin_last(last);
    tree.add_last(30, 37);
    EXPECT_EQ(values_of<float>(place.slice(30, 37)),
              values_of<float>(tensor_of<float>({37}, tree_sum(0, n)).slice(30, 37)));
    tree.add_last(0, 30);
    EXPECT_EQ(values_of<float>(tree.finish()), tree_sum(0, n)) << n << " leaves";
  }
}

}  // namespace
}  // namespace vicinity
