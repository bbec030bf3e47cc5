#include "tests/ops/conv3x3_cases.h"

#include "core/ops/conv3x3.h"
#include "tests/ops/model_products.h"

namespace vicinity::testing {
namespace {

TEST(Conv3x3, GradientsMatchDifferences) { check_gradients(conv3x3_cases()); }
TEST(Conv3x3, BackendsAgree) { check_backends(conv3x3_cases()); }
TEST(Conv3x3, SameBitsOnAnyThreadCount) { check_threads(conv3x3_cases()); }

// Tokenizer and downsamplers of DiNAT-Tiny at 224 px, and one of Base.
TEST(Conv3x3, SameBitsOnAnyThreadCountAtModelShapes) {
  const int before = cpu().threads();
  const std::vector<std::array<int64_t, 3>> convolutions = {
      {224, 3, 32}, {112, 32, 64}, {56, 64, 128}, {28, 128, 256}, {14, 256, 512}, {56, 128, 256}};
  for (const auto& [side, inputs, outputs] : convolutions) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor x = filled({2, side, side, inputs}, dtype, 1),
                   w = filled({outputs, 3, 3, inputs}, dtype, 2),
                   dy = filled({2, side / 2, side / 2, outputs}, dtype, 3);
      std::vector<Tensor> one;
      for (const int threads : {1, 2, 4}) {
        cpu().set_threads(threads);
        const std::vector<Tensor> now = {conv3x3(x, w, Tensor()),
                                         conv3x3_backward_input(dy, w, side, side),
                                         conv3x3_backward_weight(dy, x)};
        if (one.empty()) one = now;
        for (size_t i = 0; i < now.size(); ++i) {
          EXPECT_TRUE(same_bits(one[i], now[i]))
              << dtype << " " << side << " px, " << inputs << " to " << outputs << ", "
              << std::vector{"y", "dx", "dw"}[i] << ", " << threads << " threads";
        }
      }
    }
  }
  cpu().set_threads(before);
}

TEST(Conv3x3, RefusesWhatDoesNotFit) {
  const Tensor x = empty({1, 4, 4, 3}, DType::f32);
  EXPECT_THROW(conv3x3(x, empty({8, 3, 3, 2}, DType::f32), Tensor()), ShapeError);
  EXPECT_THROW(conv3x3(x, empty({8, 5, 5, 3}, DType::f32), Tensor()), ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
