// Segments that are run again in backward: the gradients of those that are kept, to the bit.
#include "autograd/checkpoint.h"

#include <gtest/gtest.h>

#include "autograd/ops/linear.h"
#include "autograd/ops/swiglu.h"
#include "autograd/record.h"
#include "core/ops/elementwise.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

struct Network {
  Leaf x{zeros({3, 4}, DType::f32)}, first{zeros({8, 4}, DType::f32)},
      second{zeros({4, 4}, DType::f32)};
  Tensor value = cast(random_tensor({3, 4}, 1), DType::f32),
         weight1 = cast(random_tensor({8, 4}, 2), DType::f32),
         weight2 = cast(random_tensor({4, 4}, 3), DType::f32);
  int runs = 0;

  // Two results, of which the second is used twice; the last weight comes twice as well.
  std::vector<Variable> segment(const std::vector<Variable>& inputs) {
    ++runs;
    const Variable hidden = swiglu(linear(inputs[0], first.use(weight1), {}));
    const Variable y = linear(hidden, second.use(weight2), {});
    return {y, linear(y, second.use(weight2), {})};
  }
  std::vector<Tensor> gradients() { return {x.sink(), first.sink(), second.sink()}; }
};

std::vector<Variable> run(Network& network, const Variable& x, bool kept) {
  const auto segment = [&network](const std::vector<Variable>& in) { return network.segment(in); };
  return kept ? segment({x}) : checkpoint({x}, segment);
}

std::vector<Tensor> gradients(bool kept, const std::vector<int>& used) {
  Network network;
  std::vector<Variable> ys;
  Variable x = network.x.use(network.value);
  for (int layer = 0; layer < 3; ++layer) {
    ys = run(network, x, kept);
    x = ys[1];
  }
  Grads dys(2);
  for (const int i : used) dys[static_cast<size_t>(i)] = cast(random_tensor({3, 4}, 9), DType::f32);
  EXPECT_EQ(network.runs, 3);
  backward(ys, dys);
  EXPECT_EQ(network.runs, kept ? 3 : 6);
  return network.gradients();
}

TEST(Checkpoint, GradientsAreThoseOfTheSegmentKept) {
  for (const std::vector<int>& used : {std::vector<int>{0}, {1}, {0, 1}}) {
    const std::vector<Tensor> kept = gradients(true, used), again = gradients(false, used);
    for (size_t i = 0; i < kept.size(); ++i) {
      EXPECT_TRUE(same_bits(kept[i], again[i])) << i;
      double sum = 0;
      for (const float value : values_of<float>(kept[i])) sum += std::abs(value);
      EXPECT_GT(sum, 0) << i;
    }
  }
}

TEST(Checkpoint, KeepsItsInputsAlone) {
  Network network;
  const Variable x = network.x.use(network.value);
  const size_t before = allocator_of(kCpu).use().current;
  const auto held = [&](bool kept) {
    const std::vector<Variable> ys = run(network, x, kept);
    return allocator_of(kCpu).use().current - before;
  };
  const size_t results = 2 * 3 * 4 * sizeof(float);
  EXPECT_EQ(held(false), results);
  EXPECT_GT(held(true), results);
  EXPECT_EQ(allocator_of(kCpu).use().current, before) << "and gives all of it back";
}

TEST(Checkpoint, RunsOnceWhereNothingIsRecorded) {
  Network network;
  run(network, Variable(network.value), false);
  EXPECT_EQ(network.runs, 1);
  const std::vector<Variable> constant = run(network, Variable(network.value), false);
  EXPECT_TRUE(constant[0].needs_grad()) << "of the weights inside";
  {
    const NoGrad no_grad;
    EXPECT_FALSE(run(network, network.x.use(network.value), false)[0].needs_grad());
  }
  EXPECT_EQ(network.runs, 3);
}

}  // namespace
}  // namespace vicinity::testing
