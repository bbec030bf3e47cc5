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

std::vector<Device> devices() {
  return cuda_is_there() ? std::vector<Device>{kCpu, kCuda} : std::vector<Device>{kCpu};
}

// The second of three ranges learns at half the rate, the third does not decay.
UpdateRanges three_ranges() {
  return UpdateRanges({{0, 1}, {1, 9038, 0.5}, {9038, kSize, 1, false}});
}
const UpdateRange& range_of(int64_t i) {
  static const UpdateRanges ranges = three_ranges();
  return ranges.all()[i < 1 ? 0 : i < 9038 ? 1 : 2];
}

// What clipping would ask for in a step.
double scale_of(int step) { return step % 3 == 0 ? 0.25 : 1; }
Tensor scale_tensor(double scale, Device device) {
  return to_device(tensor_of<double>({1}, {scale}), device);
}

// torch.optim.AdamW, one element at a time.
struct ReferenceAdamW {
  std::vector<double> p, m, v;

  void step(const Tensor& grad, const AdamwStep& s, double scale) {
    for (size_t i = 0; i < p.size(); ++i) {
      const UpdateRange& range = range_of(static_cast<int64_t>(i));
      const double g = grad.data<double>()[i] * scale, lr = s.lr * range.lr_scale;
      p[i] *= 1 - lr * (range.decay ? s.weight_decay : 0);
      m[i] += (g - m[i]) * (1 - s.beta1);
      v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(s.beta1, s.step));
      const double v_hat = v[i] / (1 - std::pow(s.beta2, s.step));
      p[i] -= lr * m_hat / (std::sqrt(v_hat) + s.eps);
    }
  }
};

AdamwStep adamw_settings(int step) {
  return {.lr = 1e-2, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1, .step = step};
}

// Parameters after kSteps.
Tensor train_adamw(DType dtype, int threads, Device device = kCpu) {
  const int before = cpu().threads();
  cpu().set_threads(threads);
  Tensor p = to_device(cast(random_tensor({kSize}, 1), dtype), device),
         m = zeros({kSize}, dtype, device), v = zeros({kSize}, dtype, device),
         copy = empty({kSize}, DType::bf16, device);
  const UpdateRanges ranges = three_ranges();
  for (int t = 1; t <= kSteps; ++t) {
    adamw_(p, to_device(cast(gradient_of_step(t), dtype), device), m, v, copy, ranges,
           to_device(adamw_settings(t).factors(), device), scale_tensor(scale_of(t), device));
  }
  cpu().set_threads(before);
  EXPECT_TRUE(same_bits(copy, cast(to_device(p, kCpu), DType::bf16)));
  return p;
}

TEST(AdamW, FollowsTheFormulaOverManySteps) {
  ReferenceAdamW reference{values_of<double>(random_tensor({kSize}, 1)), std::vector<double>(kSize),
                           std::vector<double>(kSize)};
  for (int t = 1; t <= kSteps; ++t)
    reference.step(gradient_of_step(t), adamw_settings(t), scale_of(t));
  const Tensor expected = tensor_of<double>({kSize}, reference.p);
  EXPECT_LT(relative_error(train_adamw(DType::f64, 2), expected), 1e-13);
  for (const Device device : devices())
    EXPECT_LT(relative_error(train_adamw(DType::f32, 2, device), expected), 3e-6) << device;
}

TEST(AdamW, SameBitsOnAnyThreadCount) {
  const Tensor one = train_adamw(DType::f32, 1);
  EXPECT_TRUE(same_bits(one, train_adamw(DType::f32, 2)));
  EXPECT_TRUE(same_bits(one, train_adamw(DType::f32, 4)));
}

// Where a range begins must not matter, and what no range covers stays as it is.
TEST(AdamW, CutRangesGiveTheBitsOfTheWhole) {
  for (const Device device : devices()) {
    const Tensor start = cast(random_tensor({kSize}, 1), DType::f32);
    const auto updated = [&](const UpdateRanges& ranges) {
      Tensor p = empty({kSize}, DType::f32, device), m = zeros({kSize}, DType::f32, device),
             v = zeros({kSize}, DType::f32, device), no_copy;
      copy_(p, to_device(start, device));
      adamw_(p, to_device(cast(gradient_of_step(1), DType::f32), device), m, v, no_copy, ranges,
             to_device(adamw_settings(1).factors(), device), {});
      return to_device(p, kCpu);
    };
    const Tensor whole = updated(UpdateRanges::whole(kSize));
    EXPECT_TRUE(same_bits(whole, updated(UpdateRanges({{0, 1}, {1, 38}, {38, kSize}}))));
    const Tensor part = updated(UpdateRanges({{5, 38}}));
    EXPECT_TRUE(same_bits(part.slice(0, 5), start.slice(0, 5)));
    EXPECT_TRUE(same_bits(part.slice(5, 38), whole.slice(5, 38)));
    EXPECT_TRUE(same_bits(part.slice(38, kSize), start.slice(38, kSize)));
  }
}

TEST(AdamW, ZeroGradientOnlyDecays) {
  Tensor p = full({9}, 2, DType::f32), m = zeros({9}, DType::f32), v = zeros({9}, DType::f32), none;
  adamw_(p, zeros({9}, DType::f32), m, v, none, UpdateRanges::whole(9),
         AdamwStep{.lr = 0.5, .weight_decay = 0.5}.factors(), {});
  EXPECT_EQ(values_of<float>(p), std::vector<float>(9, 1.5f));
}

TEST(AdamW, RefusesOtherShapes) {
  Tensor p = zeros({4}, DType::f32), m = zeros({4}, DType::f32), v = zeros({3}, DType::f32), none;
  EXPECT_THROW(adamw_(p, zeros({4}, DType::f32), m, v, none, UpdateRanges::whole(4),
                      AdamwStep().factors(), {}),
               ShapeError);
}

// torch.optim.SGD, one element at a time.
std::vector<double> reference_sgd(SgdStep s) {
  std::vector<double> p = values_of<double>(random_tensor({kSize}, 1)), buffer(kSize);
  for (int t = 1; t <= kSteps; ++t) {
    const Tensor grad = gradient_of_step(t);
    for (size_t i = 0; i < p.size(); ++i) {
      const UpdateRange& range = range_of(static_cast<int64_t>(i));
      const double g =
          grad.data<double>()[i] * scale_of(t) + (range.decay ? s.weight_decay * p[i] : 0);
      buffer[i] = t == 1 ? g : s.momentum * buffer[i] + g;
      p[i] -= s.lr * range.lr_scale * (s.nesterov ? g + s.momentum * buffer[i] : buffer[i]);
    }
  }
  return p;
}

// Parameters after kSteps. A first step must not read the buffer.
Tensor train_sgd(SgdStep s, DType dtype, Device device) {
  Tensor p = to_device(cast(random_tensor({kSize}, 1), dtype), device),
         buffer = full({kSize}, dtype == DType::f64 ? NAN : 7, dtype, device),
         copy = empty({kSize}, DType::bf16, device);
  const UpdateRanges ranges = three_ranges();
  for (int t = 1; t <= kSteps; ++t) {
    s.first = t == 1;
    sgd_(p, to_device(cast(gradient_of_step(t), dtype), device), buffer, copy, ranges,
         to_device(s.factors(), device), scale_tensor(scale_of(t), device));
  }
  EXPECT_TRUE(same_bits(copy, cast(to_device(p, kCpu), DType::bf16)));
  return p;
}

TEST(Sgd, FollowsTheFormulaOverManySteps) {
  for (const bool nesterov : {false, true}) {
    const SgdStep s{.lr = 1e-3, .momentum = 0.9, .weight_decay = 0.05, .nesterov = nesterov};
    const Tensor expected = tensor_of<double>({kSize}, reference_sgd(s));
    EXPECT_LT(relative_error(train_sgd(s, DType::f64, kCpu), expected), 1e-13) << nesterov;
    for (const Device device : devices()) {
      EXPECT_LT(relative_error(train_sgd(s, DType::f32, device), expected), 1e-6)
          << nesterov << device;
    }
  }
}

TEST(Sgd, RefusesOtherShapes) {
  Tensor p = zeros({4}, DType::f32), buffer = zeros({3}, DType::f32), none;
  EXPECT_THROW(sgd_(p, zeros({4}, DType::f32), buffer, none, UpdateRanges::whole(4),
                    SgdStep().factors(), {}),
               ShapeError);
}

TEST(Optimizers, ChangeNothingWhereTheGradientIsNotFinite) {
  for (const Device device : devices()) {
    const Tensor start = full({100}, 3, DType::f32);
    Tensor p = empty({100}, DType::f32, device), m = zeros({100}, DType::f32, device),
           v = zeros({100}, DType::f32, device), copy = full({100}, 5, DType::bf16, device);
    copy_(p, to_device(start, device));
    Tensor grad = full({100}, 1, DType::f32);
    grad.data<float>()[77] = INFINITY;
    grad = to_device(grad, device);
    const Tensor scale = grad_scale(sum_of_squares(grad), 0);
    adamw_(p, grad, m, v, copy, UpdateRanges::whole(100),
           to_device(AdamwStep{.lr = 1}.factors(), device), scale);
    sgd_(p, grad, m, copy, UpdateRanges::whole(100), to_device(SgdStep{.lr = 1}.factors(), device),
         scale);
    EXPECT_TRUE(same_bits(p, start)) << device;
    EXPECT_TRUE(same_bits(m, zeros({100}, DType::f32))) << device;
    EXPECT_TRUE(same_bits(v, zeros({100}, DType::f32))) << device;
    EXPECT_TRUE(same_bits(copy, full({100}, 5, DType::bf16))) << device;
  }
}

double squares(const Tensor& x, Device device = kCpu) {
  return values_of<double>(to_device(sum_of_squares(to_device(x, device)), kCpu))[0];
}

TEST(GradNorm, SumOfSquaresInDoublePrecision) {
  for (const int64_t size : {1, 7, 16383, 16385, 100003}) {
    const Tensor x = cast(random_tensor({size}, 3, 1e-3), DType::f32);
    double expected = 0;
    for (const float v : values_of<float>(x)) expected += static_cast<double>(v) * v;
    for (const Device device : devices())
      EXPECT_NEAR(squares(x, device), expected, 1e-12 * expected) << size << device;
    EXPECT_NEAR(squares(cast(x, DType::f64)), expected, 1e-12 * expected) << size;
  }
  for (const Device device : devices())
    EXPECT_EQ(squares(empty({0}, DType::f32), device), 0) << device;
}

// More than a block has threads.
TEST(GradNorm, AsManyChunksAsThereAreAreJoined) {
  for (const int64_t chunks : {1, 31, 1023, 1025, 3000}) {
    const Tensor x = random_tensor({chunks}, 5, 0.1, 1);
    double expected = 0;
    for (const double v : values_of<double>(x)) expected += v;
    for (const Device device : devices()) {
      const Tensor sum = to_device(join_squares(to_device(x, device)), kCpu);
      EXPECT_NEAR(values_of<double>(sum)[0], expected, 1e-12 * expected) << chunks << device;
    }
  }
}

// Slices begin where no vector does.
TEST(GradNorm, SumOfSquaresOfSlicesInEachDtype) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor x = cast(random_tensor({16390}, 3), dtype);
    for (const int64_t begin : {0, 1, 4}) {
      double expected = 0;
      for (const float v : values_of<float>(cast(x, DType::f32).slice(begin, 16390)))
        expected += static_cast<double>(v) * v;
      for (const Device device : devices()) {
        const Tensor part = to_device(x, device).slice(begin, 16390);
        EXPECT_NEAR(squares(part, device), expected, 1e-12 * expected) << dtype << begin << device;
      }
    }
  }
}

TEST(GradNorm, SameValueOnAnyThreadCount) {
  const Tensor x = cast(random_tensor({100003}, 3), DType::f32);
  const int before = cpu().threads();
  cpu().set_threads(1);
  const double one = squares(x);
  for (const int threads : {2, 4}) {
    cpu().set_threads(threads);
    EXPECT_EQ(squares(x), one) << threads;
  }
  cpu().set_threads(before);
}

TEST(GradNorm, WhatIsNotFiniteShows) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    Tensor x = zeros({50000}, DType::f32);
    x.data<float>()[49999] = bad;
    for (const Device device : devices())
      EXPECT_FALSE(std::isfinite(squares(x, device))) << bad << device;
  }
  for (const Device device : devices())
    EXPECT_TRUE(std::isfinite(squares(full({1000}, 3e38, DType::f32), device))) << device;
}

TEST(GradNorm, ScaleClipsAsTorchDoes) {
  for (const Device device : devices()) {
    const auto scale = [&](double sum, double clip) {
      return values_of<double>(to_device(grad_scale(scale_tensor(sum, device), clip), kCpu))[0];
    };
    EXPECT_EQ(scale(16, 0), 1) << device;
    EXPECT_EQ(scale(16, 5), 1) << device;
    EXPECT_EQ(scale(16, 1), 1 / (4 + 1e-6)) << device;
    EXPECT_TRUE(std::isnan(scale(INFINITY, 1))) << device;
    EXPECT_TRUE(std::isnan(scale(NAN, 0))) << device;
  }
}

}  // namespace
}  // namespace vicinity::testing
