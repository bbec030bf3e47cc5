// Class weights against PyTorch's CrossEntropyLoss(weight, label_smoothing), whose sums are written
// out here, and against numbers it gave.
#include "core/ops/class_weights.h"

#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kClasses = 300;  // more than a block of a kernel has threads

struct Case {
  std::vector<int32_t> batch, second;
  std::vector<float> shares;
  double smoothing;
};

Tensor weights() {
  Tensor w = empty({kClasses}, DType::f64);
  for (int64_t k = 0; k < kClasses; ++k) w.data<double>()[k] = k == 5 ? 0 : 0.25 * (1 + k % 7);
  return w;
}

// Mean over the batch of -sum_k w_k t_k log p_k, over the mean weight for unmixed labels.
double reference(const Tensor& logits, const Case& c) {
  double loss = 0, mass = 0;
  const Tensor w = weights();
  for (size_t b = 0; b < c.batch.size(); ++b) {
    const double* row = logits.data<double>() + static_cast<int64_t>(b) * kClasses;
    double sum = 0;
    for (int64_t k = 0; k < kClasses; ++k) sum += std::exp(row[k]);
    for (int64_t k = 0; k < kClasses; ++k) {
      const double v = c.second.empty() ? 1 : static_cast<double>(c.shares[b]);
      double target = (k == c.batch[b] ? v : 0);
      if (!c.second.empty()) target += k == c.second[b] ? 1 - v : 0;
      target = (1 - c.smoothing) * target + c.smoothing / kClasses;
      loss -= w.data<double>()[k] * target * (row[k] - std::log(sum));
    }
    mass += c.second.empty() ? w.data<double>()[c.batch[b]] : 1;
  }
  return loss / mass;
}

// The loss of the whole batch, from two leaves.
double loss_of(const Tensor& logits, const Case& c, DType dtype, Device device) {
  const auto count = static_cast<int64_t>(c.batch.size());
  const Tensor batch = to_device(tensor_of<int32_t>({count}, c.batch), device),
               w = to_device(cast(weights(), dtype), device),
               x = to_device(cast(logits, dtype), device);
  double sum = 0;
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 3}, {3, count}}) {
    Targets targets{.first = batch.slice(begin, end), .smoothing = c.smoothing};
    if (!c.second.empty()) {
      targets.second = to_device(tensor_of<int32_t>({count}, c.second), device).slice(begin, end);
      targets.weight = to_device(tensor_of<float>({count}, c.shares), device).slice(begin, end);
    }
    const Tensor dense = weighted_targets(targets, w, batch);
    const Tensor losses = on_cpu_f64(cross_entropy(x.slice(begin, end), {.dense = dense}));
    for (const double loss : values_of<double>(losses)) sum += loss;
  }
  return sum / static_cast<double>(count);
}

TEST(ClassWeights, MeanLossIsPyTorchs) {
  const std::vector<int32_t> labels = {0, 299, 2, 11, 11, 19, 2}, others = {1, 0, 5, 11, 270, 7, 2};
  const std::vector<float> shares = {1, 0.25f, 0.5f, 0.75f, 0, 0.125f, 0.5f};
  std::vector<int32_t> many;
  for (int32_t b = 0; b < 270; ++b) many.push_back(b * 7 % static_cast<int32_t>(kClasses));
  const Tensor logits = random_tensor({270, kClasses}, 3, 2);
  for (const double smoothing : {0.0, 0.1}) {
    for (const Case& c : {Case{labels, {}, {}, smoothing}, Case{labels, others, shares, smoothing},
                          Case{many, {}, {}, smoothing}}) {
      const double expected = reference(logits, c);
      EXPECT_NEAR(loss_of(logits, c, DType::f64, kCpu) / expected, 1, 1e-13);
      for (const Device device : test_devices())
        EXPECT_NEAR(loss_of(logits, c, DType::f32, device) / expected, 1, 1e-5) << device;
    }
  }
}

// torch 2.11: CrossEntropyLoss(weight=[1, 2, 0.5], label_smoothing=s)([[1, 2, 3], [0, 0, 1]], [2,
// 0])
TEST(ClassWeights, NumbersOfPyTorch) {
  const Tensor logits = tensor_of<double>({2, 3}, {1, 2, 3, 0, 0, 1}),
               w = tensor_of<double>({3}, {1, 2, 0.5}), labels = tensor_of<int32_t>({2}, {2, 0});
  const auto loss = [&](double smoothing) {
    const Tensor dense = weighted_targets({.first = labels, .smoothing = smoothing}, w, labels);
    const std::vector<double> losses = values_of<double>(cross_entropy(logits, {.dense = dense}));
    return (losses[0] + losses[1]) / 2;
  };
  EXPECT_NEAR(loss(0), 1.1701651307694942, 1e-12);
  EXPECT_NEAR(loss(0.1), 1.2832970037884897, 1e-12);
}

TEST(ClassWeights, WeightsOfOneChangeNothing) {
  const Tensor labels = tensor_of<int32_t>({4}, {1, 0, 2, 2}), ones = full({3}, 1, DType::f32);
  const Tensor dense = weighted_targets({.first = labels, .smoothing = 0.3}, ones, labels);
  const Tensor logits = cast(random_tensor({4, 3}, 8), DType::f32);
  EXPECT_LT(relative_error(cross_entropy(logits, {.dense = dense}),
                           cross_entropy(logits, {.first = labels, .smoothing = 0.3})),
            1e-6);
}

}  // namespace
}  // namespace vicinity::testing
