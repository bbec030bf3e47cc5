#include "core/ops/label_rank.h"

#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

std::vector<Device> devices() {
  return cuda_is_there() ? std::vector<Device>{kCpu, kCuda} : std::vector<Device>{kCpu};
}

std::vector<int32_t> ranks_of(const Tensor& logits, const Tensor& labels, Device device = kCpu) {
  const Tensor ranks = label_rank(to_device(logits, device), to_device(labels, device));
  EXPECT_EQ(ranks.device(), device);
  return values_of<int32_t>(to_device(ranks, kCpu));
}

// Sorted by logit, equal ones as they stood: where is the label?
std::vector<int32_t> sorted_ranks(const Tensor& logits, const std::vector<int32_t>& labels) {
  std::vector<int32_t> ranks;
  for (size_t row = 0; row < labels.size(); ++row) {
    const double* in = logits.data<double>() + static_cast<int64_t>(row) * logits.dim(1);
    std::vector<int32_t> order;
    for (int32_t k = 0; k < logits.dim(1); ++k) order.push_back(k);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return in[a] > in[b]; });
    ranks.push_back(
        static_cast<int32_t>(std::find(order.begin(), order.end(), labels[row]) - order.begin()));
  }
  return ranks;
}

// Few distinct values, so that many are equal; rows that fill no block, classes that fill no warp.
TEST(LabelRank, CountsTheClassesBeforeTheLabel) {
  Random random(5, Purpose::test);
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 2}, Shape{4, 32}, Shape{13, 10}, Shape{64, 33},
                             Shape{9, 100}, Shape{21, 1000}}) {
    Tensor logits = random_tensor(shape, 7, 3);
    for (int64_t i = 0; i < logits.size(); ++i)
      logits.data<double>()[i] = std::round(logits.data<double>()[i] * 8) / 8;
    std::vector<int32_t> labels;
    for (int64_t row = 0; row < shape[0]; ++row)
      labels.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(shape[1]))));
    const Tensor wanted = tensor_of<int32_t>({shape[0]}, labels);
    const std::vector<int32_t> expected = sorted_ranks(logits, labels);
    EXPECT_EQ(ranks_of(logits, wanted), expected) << shape;
    for (const Device device : devices())
      EXPECT_EQ(ranks_of(cast(logits, DType::f32), wanted, device), expected) << shape << device;
  }
}

TEST(LabelRank, WhatIsNotANumberComesBeforeNothing) {
  const Tensor logits =
      tensor_of<float>({3, 4}, {NAN, 1, NAN, 2, INFINITY, NAN, INFINITY, -INFINITY, NAN, 5, 6, 7});
  const Tensor labels = tensor_of<int32_t>({3}, {1, 2, 0});
  for (const Device device : devices())
    EXPECT_EQ(ranks_of(logits, labels, device), (std::vector<int32_t>{1, 1, 0})) << device;
}

TEST(LabelRank, NoRows) {
  for (const Device device : devices())
    EXPECT_TRUE(ranks_of(empty({0, 5}, DType::f32), empty({0}, DType::i32), device).empty());
}

TEST(LabelRank, RefusesWhatDoesNotFit) {
  const Tensor logits = zeros({2, 3}, DType::f32), labels = tensor_of<int32_t>({2}, {0, 2});
  EXPECT_THROW(label_rank(logits, tensor_of<int32_t>({3}, {0, 1, 2})), ShapeError);
  EXPECT_THROW(label_rank(zeros({2}, DType::f32), labels), ShapeError);
  EXPECT_THROW(label_rank(zeros({2, 0}, DType::f32), labels), ShapeError);
  EXPECT_THROW(label_rank(cast(logits, DType::bf16), labels), DTypeError);
  EXPECT_THROW(label_rank(logits, tensor_of<int64_t>({2}, {0, 2})), DTypeError);
  EXPECT_THROW(label_rank(logits, tensor_of<int32_t>({2}, {0, 3})), DataError);
  EXPECT_THROW(label_rank(logits, tensor_of<int32_t>({2}, {-1, 0})), DataError);
}

}  // namespace
}  // namespace vicinity::testing
