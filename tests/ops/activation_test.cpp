#include "core/ops/activation.h"

#include "tests/ops/activation_cases.h"

namespace vicinity::testing {
namespace {

TEST(Activation, GradientsMatchDifferences) { check_gradients(activation_cases()); }
TEST(Activation, BackendsAgree) { check_backends(activation_cases()); }
TEST(Activation, SameBitsOnAnyThreadCount) { check_threads(activation_cases()); }

TEST(Activation, NanStaysNan) {
  for (const Device device : test_devices()) {
    for (const auto& [name, kind] : kActivations) {
      for (const DType dtype : {DType::f32, DType::bf16, DType::f64}) {
        if (device == kCuda && dtype == DType::f64) continue;
        const Tensor y = on_cpu_f64(activation(full({19}, NAN, dtype, device), kind));
        for (const double value : values_of<double>(y)) EXPECT_TRUE(std::isnan(value)) << name;
      }
    }
  }
}

TEST(Activation, FarFromZeroTheyAreLines) {
  for (const Device device : test_devices()) {
    const Tensor x = to_device(tensor_of<float>({4}, {-1e10f, -200, 200, 1e10f}), device);
    const Tensor ones = full({4}, 1, DType::f32, device);
    for (const auto& [name, kind] : kActivations) {
      const std::vector<float> y = values_of<float>(to_device(activation(x, kind), kCpu)),
                               slope = values_of<float>(
                                   to_device(activation_backward(ones, x, kind), kCpu));
      const float scale = kind == Activation::selu ? 1.05070099f : 1.0f,
                  floor = kind == Activation::selu ? -1.75809934f : 0.0f;
      for (const size_t i : {0, 1}) {
        EXPECT_NEAR(y[i], floor, 1e-6) << name;
        EXPECT_NEAR(slope[i], 0, 1e-6) << name;
      }
      EXPECT_FLOAT_EQ(y[2], scale * 200) << name;
      EXPECT_FLOAT_EQ(y[3], scale * 1e10f) << name;
      for (const size_t i : {2, 3}) EXPECT_FLOAT_EQ(slope[i], scale) << name;
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
