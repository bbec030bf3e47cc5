#include "tests/ops/swiglu_cases.h"

#include "core/ops/swiglu.h"

namespace vicinity::testing {
namespace {

TEST(Swiglu, GradientsMatchDifferences) { check_gradients(swiglu_cases()); }
TEST(Swiglu, BackendsAgree) { check_backends(swiglu_cases()); }
TEST(Swiglu, SameBitsOnAnyThreadCount) { check_threads(swiglu_cases()); }

TEST(Swiglu, HugeInputsStayFinite) {
  for (const Device device : test_devices()) {
    const Tensor y = swiglu(to_device(tensor_of<float>({1, 4}, {-1e4f, 1e4f, 2, 3}), device));
    EXPECT_EQ(values_of<float>(to_device(y, kCpu)), (std::vector<float>{0, 3e4f}));
  }
}

TEST(Swiglu, OddLastAxisIsRefused) { EXPECT_THROW(swiglu(empty({2, 3}, DType::f32)), ShapeError); }

}  // namespace
}  // namespace vicinity::testing
