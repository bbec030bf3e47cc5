// AdamW, SGD and the gradient norm against plain fp64 loops over many steps.
#include "core/ops/adamw.h"
#include "core/ops/grad_norm.h"
#include "core/ops/sgd.h"
#include "tests/support/filled.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kSize = 40011;  // more than one chunk, and no multiple of a vector
constexpr int kSteps = 100;

Tensor gradient_of_step(int step) {
  return filled({kSize}, DType::f64, 100 + static_cast<uint64_t>(step));
}

// torch.optim.AdamW, one element at a time.
struct ReferenceAdamW {
  std::vector<double> p, m, v;

  void step(const Tensor& grad, const AdamwStep& s) {
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = grad.data<double>()[i] * s.grad_scale;
      p[i] *= 1 - s.lr * s.weight_decay;
      m[i] += (g - m[i]) * (1 - s.beta1);
      v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(s.beta1, s.step));
      const double v_hat = v[i] / (1 - std::pow(s.beta2, s.step));
      p[i] -= s.lr * m_hat / (std::sqrt(v_hat) + s.eps);
    }
  }
};

AdamwStep adamw_settings(int step) {
  return {.lr = 1e-2,
          .beta1 = 0.9,
          .beta2 = 0.95,
          .eps = 1e-6,
          .weight_decay = 0.1,
          .step = step,
          .grad_scale = step % 3 == 0 ? 0.25 : 1};
}

// Parameters after kSteps.
Tensor train_adamw(DType dtype, int threads) {
  const int before = cpu().threads();
  cpu().set_threads(threads);
  Tensor p = cast(random_tensor({kSize}, 1), dtype), m = zeros({kSize}, dtype),
         v = zeros({kSize}, dtype);
  for (int t = 1; t <= kSteps; ++t)
    adamw_(p, cast(gradient_of_step(t), dtype), m, v, adamw_settings(t));
  cpu().set_threads(before);
  return p;
}

TEST(AdamW, FollowsTheFormulaOverManySteps) {
  ReferenceAdamW reference{values_of<double>(random_tensor({kSize}, 1)), std::vector<double>(kSize),
                           std::vector<double>(kSize)};
  for (int t = 1; t <= kSteps; ++t) reference.step(gradient_of_step(t), adamw_settings(t));
  const Tensor expected = tensor_of<double>({kSize}, reference.p);
  EXPECT_LT(relative_error(train_adamw(DType::f64, 2), expected), 1e-13);
  EXPECT_LT(relative_error(train_adamw(DType::f32, 2), expected), 3e-6);
}

TEST(AdamW, SameBitsOnAnyThreadCount) {
  const Tensor one = train_adamw(DType::f32, 1);
  EXPECT_TRUE(same_bits(one, train_adamw(DType::f32, 2)));
  EXPECT_TRUE(same_bits(one, train_adamw(DType::f32, 4)));
}

// Parameters are updated range by range: where a range begins must not matter.
TEST(AdamW, SlicesGiveTheBitsOfTheWhole) {
  const Tensor grad = cast(gradient_of_step(1), DType::f32);
  Tensor p = cast(random_tensor({kSize}, 1), DType::f32), m = zeros({kSize}, DType::f32),
         v = zeros({kSize}, DType::f32);
  Tensor whole = cast(random_tensor({kSize}, 1), DType::f32), whole_m = zeros({kSize}, DType::f32),
         whole_v = zeros({kSize}, DType::f32);
  adamw_(whole, grad, whole_m, whole_v, adamw_settings(1));
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 1}, {1, 38}, {38, kSize}}) {
    Tensor ps = p.slice(begin, end), ms = m.slice(begin, end), vs = v.slice(begin, end);
    adamw_(ps, grad.slice(begin, end), ms, vs, adamw_settings(1));
  }
  EXPECT_TRUE(same_bits(p, whole));
  EXPECT_TRUE(same_bits(m, whole_m));
  EXPECT_TRUE(same_bits(v, whole_v));
}

TEST(AdamW, ZeroGradientOnlyDecays) {
  Tensor p = full({9}, 2, DType::f32), m = zeros({9}, DType::f32), v = zeros({9}, DType::f32);
  adamw_(p, zeros({9}, DType::f32), m, v, {.lr = 0.5, .weight_decay = 0.5});
  EXPECT_EQ(values_of<float>(p), std::vector<float>(9, 1.5f));
}

TEST(AdamW, RefusesOtherShapes) {
  Tensor p = zeros({4}, DType::f32), m = zeros({4}, DType::f32), v = zeros({3}, DType::f32);
  EXPECT_THROW(adamw_(p, zeros({4}, DType::f32), m, v, {}), ShapeError);
}

// torch.optim.SGD, one element at a time.
std::vector<double> reference_sgd(SgdStep s) {
  std::vector<double> p = values_of<double>(random_tensor({kSize}, 1)), buffer(kSize);
  for (int t = 1; t <= kSteps; ++t) {
    const Tensor grad = gradient_of_step(t);
    for (size_t i = 0; i < p.size(); ++i) {
      const double g = grad.data<double>()[i] * s.grad_scale + s.weight_decay * p[i];
      buffer[i] = t == 1 ? g : s.momentum * buffer[i] + g;
      p[i] -= s.lr * (s.nesterov ? g + s.momentum * buffer[i] : buffer[i]);
    }
  }
  return p;
}

TEST(Sgd, FollowsTheFormulaOverManySteps) {
  for (const bool nesterov : {false, true}) {
    SgdStep s{
        .lr = 1e-3, .momentum = 0.9, .weight_decay = 0.05, .nesterov = nesterov, .grad_scale = 0.5};
    const Tensor expected = tensor_of<double>({kSize}, reference_sgd(s));
    for (const DType dtype : {DType::f64, DType::f32}) {
      // A first step must not read the buffer.
      Tensor p = cast(random_tensor({kSize}, 1), dtype), buffer = full({kSize}, NAN, dtype);
      for (int t = 1; t <= kSteps; ++t) {
        s.first = t == 1;
        sgd_(p, cast(gradient_of_step(t), dtype), buffer, s);
      }
      EXPECT_LT(relative_error(p, expected), dtype == DType::f64 ? 1e-13 : 1e-6) << nesterov;
    }
  }
}

TEST(Sgd, RefusesOtherShapes) {
  Tensor p = zeros({4}, DType::f32), buffer = zeros({3}, DType::f32);
  EXPECT_THROW(sgd_(p, zeros({4}, DType::f32), buffer, {}), ShapeError);
}

TEST(GradNorm, SumOfSquaresInDoublePrecision) {
  for (const int64_t size : {1, 7, 16383, 16385, 100003}) {
    const Tensor x = cast(random_tensor({size}, 3, 1e-3), DType::f32);
    double expected = 0;
    for (const float v : values_of<float>(x)) expected += static_cast<double>(v) * v;
    EXPECT_NEAR(sum_of_squares(x), expected, 1e-12 * expected) << size;
    EXPECT_NEAR(sum_of_squares(cast(x, DType::f64)), expected, 1e-12 * expected) << size;
  }
  EXPECT_EQ(sum_of_squares(empty({0}, DType::f32)), 0);
}

TEST(GradNorm, SameValueOnAnyThreadCount) {
  const Tensor x = cast(random_tensor({100003}, 3), DType::f32);
  const int before = cpu().threads();
  cpu().set_threads(1);
  const double one = sum_of_squares(x);
  for (const int threads : {2, 4}) {
    cpu().set_threads(threads);
    EXPECT_EQ(sum_of_squares(x), one) << threads;
  }
  cpu().set_threads(before);
}

TEST(GradNorm, WhatIsNotFiniteShows) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    Tensor x = zeros({50000}, DType::f32);
    x.data<float>()[49999] = bad;
    EXPECT_FALSE(std::isfinite(sum_of_squares(x))) << bad;
  }
  EXPECT_TRUE(std::isfinite(sum_of_squares(full({1000}, 3e38, DType::f32))));
}

}  // namespace
}  // namespace vicinity::testing
