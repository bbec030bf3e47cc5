#include <gtest/gtest.h>

#include "autograd/ops/swiglu.h"
#include "autograd/record.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

Variable twice(const Variable& x) {
  return record("twice", add(x.value(), x.value()), {x},
                [](const Tensor& dy, const Needs&) -> Grads { return {add(dy, dy)}; });
}

Variable sum(const Variable& a, const Variable& b) {
  return record("sum", add(a.value(), b.value()), {a, b},
                [](const Tensor& dy, const Needs&) -> Grads {
                  return {dy, dy};
                });
}

const Tensor kOne = tensor_of<float>({1}, {1});

TEST(Tape, SharedInputsAddUpAndNothingAliases) {
  Leaf leaf(zeros({1}, DType::f32));
  const Variable x = leaf.use(tensor_of<float>({1}, {3}));
  const Variable y =
      sum(sum(x, twice(x)), twice(twice(x)));  // 7 x, the same dy passed to several nodes
  backward(y, kOne);
  EXPECT_EQ(values_of<float>(leaf.sink())[0], 7);
  EXPECT_EQ(values_of<float>(kOne)[0], 1);
}

TEST(Tape, SecondBackwardAddsToTheSinkUntilReset) {
  Leaf leaf(full({1}, 99, DType::f32));
  backward(twice(leaf.use(kOne)), kOne);
  backward(twice(leaf.use(kOne)), kOne);
  EXPECT_EQ(values_of<float>(leaf.sink())[0], 4) << "the first gradient overwrites what was there";
  leaf.reset();
  EXPECT_FALSE(leaf.written());
}

// Counts in `placed` how often it was given a place for a gradient, and uses it.
Variable placing(const Variable& a, const Variable& b, int& placed) {
  return record("placing", add(a.value(), b.value()), {a, b},
                [&placed](const Tensor& dy, const Needs& needs) -> Grads {
                  Grads grads;
                  for (const size_t i : {0u, 1u}) {
                    placed += needs.sink(i).defined();
                    grads.push_back(empty_or(needs.sink(i), dy.shape(), dy.dtype(), dy.device()));
                    copy_(grads[i], dy);
                  }
                  return grads;
                });
}

TEST(Tape, OnlyTheFirstGradientOfALeafIsWrittenInPlace) {
  Leaf a(full({1}, 99, DType::f32)), b(full({1}, 99, DType::f32));
  int placed = 0;
  const Variable x = a.use(kOne), y = b.use(kOne);
  backward(placing(x, y, placed), kOne);
  EXPECT_EQ(placed, 2);
  backward(placing(x, y, placed), kOne);
  EXPECT_EQ(placed, 2) << "what came before must not be written over";
  EXPECT_EQ(values_of<float>(a.sink())[0], 2);
  EXPECT_EQ(values_of<float>(b.sink())[0], 2);
  a.reset();
  backward(placing(x, x, placed), kOne);
  EXPECT_EQ(placed, 2) << "both gradients of one leaf";
  EXPECT_EQ(values_of<float>(a.sink())[0], 2);
}

TEST(Tape, NothingIsKeptWhereNoGradientIsWanted) {
  EXPECT_FALSE(twice(Variable(kOne)).needs_grad());
  Leaf leaf(zeros({1}, DType::f32));
  {
    const NoGrad off;
    EXPECT_FALSE(twice(leaf.use(kOne)).needs_grad());
  }
  EXPECT_TRUE(twice(leaf.use(kOne)).needs_grad());
}

TEST(Tape, ClosuresAreFreedAsSoonAsTheyRan) {
  Leaf leaf(zeros({2}, DType::f32));
  const size_t before = allocator_of(kCpu).use().current;
  Variable y = swiglu(leaf.use(tensor_of<float>({2}, {1, 2})));
  backward(y, kOne);
  y = Variable();
  EXPECT_EQ(allocator_of(kCpu).use().current, before);
}

TEST(Tape, ADeepChainNeedsNoDeepStack) {
  Leaf leaf(zeros({1}, DType::f32));
  Variable y = leaf.use(kOne);
  for (int i = 0; i < 200000; ++i) y = sum(y, Variable(kOne));
  backward(y, kOne);
  EXPECT_EQ(values_of<float>(leaf.sink())[0], 1);
}

}  // namespace
}  // namespace vicinity
