// Who waits for a leaf hears once that its gradient is whole, after the last op that reads it.
#include "autograd/leaf_watch.h"

#include <gtest/gtest.h>

#include <map>

#include "autograd/checkpoint.h"
#include "autograd/record.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

const Tensor kOne = tensor_of<float>({1}, {1});

Variable sum(const Variable& a, const Variable& b) {
  return record("sum", add(a.value(), b.value()), {a, b},
                [](const Tensor& dy, const Needs&) -> Grads {
                  return {dy, dy};
                });
}

// What lay in each sink when it was whole, and how many ops had run back by then.
class Listening : public LeafWatch {
 public:
  void whole(const Tensor& sink) override {
    seen.emplace(sink.raw(), std::pair{values_of<float>(sink)[0], ops});
    ++calls;
  }
  void op_done() override { ++ops; }

  std::map<const char*, std::pair<float, int>> seen;
  int calls = 0, ops = 0;
};

using Seen = std::pair<float, int>;

TEST(LeafWatch, AGradientIsWholeAfterTheLastReader) {
  Leaf a(full({1}, 9, DType::f32)), b(full({1}, 9, DType::f32)), unused(zeros({1}, DType::f32));
  const Variable first = sum(a.use(kOne), b.use(kOne));  // runs back last
  const Variable second = sum(first, a.use(kOne));
  const Variable third = sum(second, second);
  EXPECT_TRUE(a.is_read());
  EXPECT_FALSE(unused.is_read());
  Listening listening;
  {
    const LeavesWatched watched(listening);
    backward(third, kOne);
  }
  EXPECT_EQ(listening.ops, 3);
  EXPECT_EQ(listening.calls, 2);
  EXPECT_EQ(listening.seen[a.sink().raw()], Seen(4, 2)) << "2 of each reader";
  EXPECT_EQ(listening.seen[b.sink().raw()], Seen(2, 2));
  EXPECT_FALSE(a.is_read());
  backward(sum(a.use(kOne), b.use(kOne)), kOne);
  EXPECT_EQ(listening.calls, 2) << "nobody watches any more";
}

TEST(LeafWatch, AnOpThatReadsALeafTwiceIsOneReader) {
  Leaf a(zeros({1}, DType::f32));
  Listening listening;
  const LeavesWatched watched(listening);
  backward(sum(a.use(kOne), a.use(kOne)), kOne);
  EXPECT_EQ(listening.calls, 1);
  EXPECT_EQ(listening.seen[a.sink().raw()], Seen(2, 0));
}

TEST(LeafWatch, WhatBackwardDoesNotReachIsNotWhole) {
  Leaf a(zeros({1}, DType::f32)), b(zeros({1}, DType::f32));
  Listening listening;
  const LeavesWatched watched(listening);
  {
    const Variable aside = sum(a.use(kOne), b.use(kOne));
    backward(sum(a.use(kOne), a.use(kOne)), kOne);
    EXPECT_EQ(listening.calls, 0) << "an op that could still run back reads it";
    EXPECT_TRUE(a.is_read());
  }
  EXPECT_FALSE(a.is_read()) << "its tape is gone";
  EXPECT_EQ(listening.calls, 0);
}

TEST(LeafWatch, ASegmentThatRunsAgainReadsItsParametersUntilThen) {
  Leaf x(zeros({1}, DType::f32)), shared(zeros({1}, DType::f32)), own(zeros({1}, DType::f32));
  const auto segment = [&](const std::vector<Variable>& in) -> std::vector<Variable> {
    return {sum(in[0], shared.use(kOne))};
  };
  const auto first = [&](const std::vector<Variable>& in) -> std::vector<Variable> {
    return {sum(segment(in)[0], own.use(kOne))};
  };
  const std::vector<Variable> y = checkpoint(checkpoint({x.use(kOne)}, first), segment);
  EXPECT_TRUE(own.is_read());
  Listening listening;
  const LeavesWatched watched(listening);
  backward(y, {kOne});
  EXPECT_EQ(listening.calls, 3);
  EXPECT_EQ(listening.seen[shared.sink().raw()].first, 2) << "of both segments";
  EXPECT_EQ(listening.seen[own.sink().raw()].first, 1);
  EXPECT_EQ(listening.seen[x.sink().raw()].first, 1);
}

}  // namespace
}  // namespace vicinity
