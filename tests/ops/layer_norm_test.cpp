#include "tests/ops/layer_norm_cases.h"

#include "core/ops/layer_norm.h"

namespace vicinity::testing {
namespace {

TEST(LayerNorm, GradientsMatchDifferences) { check_gradients(layer_norm_cases()); }
TEST(LayerNorm, BackendsAgree) { check_backends(layer_norm_cases()); }
TEST(LayerNorm, FarFromZeroBackendsAgree) { check_backends(layer_norm_far_cases()); }
TEST(LayerNorm, BackendsAgreeAtEveryWidth) { check_backends(layer_norm_layout_cases()); }
TEST(LayerNorm, SameBitsOnAnyThreadCount) { check_threads(layer_norm_cases()); }

TEST(LayerNorm, RowOfEqualValuesBecomesTheBias) {
  for (const Device device : test_devices()) {
    for (const int64_t columns : {1, 7, 64, 130, 768}) {
      const Tensor b = to_device(cast(random_tensor({columns}, 1), DType::f32), device);
      const Tensor x = full({2, columns}, 10000.125, DType::f32, device),
                   w = full({columns}, 3, DType::f32, device);
      const Tensor y = layer_norm(x, w, b, 1e-6);
      EXPECT_TRUE(same_bits(y.slice(0, 1).reshape({columns}), b)) << columns << " channels";
    }
  }
}

TEST(LayerNorm, OneChannelLetsNoGradientThrough) {
  for (const Device device : test_devices()) {
    const Tensor x = to_device(cast(random_tensor({9, 1}, 1), DType::f32), device),
                 w = full({1}, 1.5, DType::f32, device);
    const LayerNormGrads grads = layer_norm_backward(x, x, w, 0.1);
    for (const float value : values_of<float>(to_device(grads.dx, kCpu)))
      EXPECT_NEAR(value, 0, 1e-6);
    EXPECT_EQ(values_of<float>(to_device(grads.dw, kCpu)), (std::vector<float>{0}));
  }
}

TEST(LayerNorm, ShiftAndScaleOfARowChangeNothing) {
  const Tensor x = random_tensor({5, 48}, 1), w = random_tensor({48}, 2),
               b = random_tensor({48}, 3);
  Tensor moved = cast(cast(x, DType::f32), DType::f64);
  scale_(moved, 3);
  add_(moved, full(x.shape(), 7, DType::f64));
  EXPECT_LT(relative_error(layer_norm(moved, w, b, 0), layer_norm(x, w, b, 0)), 1e-6);
}

TEST(LayerNorm, BiasGradientIsTheColumnSum) {
  for (const Device device : test_devices()) {
    for (const int64_t columns : {6, 64}) {
      const Tensor dy = full({1000, columns}, 0.5, DType::f32, device),
                   w = full({columns}, 1, DType::f32, device),
                   x = to_device(cast(random_tensor({1000, columns}, 4), DType::f32), device);
      EXPECT_TRUE(same_bits(layer_norm_backward(dy, x, w, 1e-5).db,
                            full({columns}, 500, DType::f32, device)));
    }
  }
}

TEST(LayerNorm, MisfitsAreRefused) {
  const Tensor x = empty({2, 8}, DType::bf16), w = empty({8}, DType::f32);
  EXPECT_THROW(layer_norm(x, empty({7}, DType::f32), w, 1e-5), ShapeError);
  EXPECT_THROW(layer_norm(x, w, empty({7}, DType::f32), 1e-5), ShapeError);
  EXPECT_THROW(layer_norm(x, empty({8}, DType::bf16), w, 1e-5), DTypeError);
  EXPECT_THROW(layer_norm_backward(empty({3, 8}, DType::bf16), x, w, 1e-5), ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
