#include "tests/ops/pad_map_cases.h"

#include "core/ops/pad_map.h"

namespace vicinity::testing {
namespace {

TEST(PadMap, GradientsMatchDifferences) { check_gradients(pad_map_cases()); }
TEST(PadMap, BackendsAgree) { check_backends(pad_map_cases()); }
TEST(PadMap, SameBitsOnAnyThreadCount) { check_threads(pad_map_cases()); }

TEST(PadMap, CroppingUndoesPadding) {
  const Tensor x = cast(random_tensor({2, 5, 3, 4}, 1), DType::bf16);
  EXPECT_TRUE(same_bits(pad_map(pad_map(x, 9, 7), 5, 3), x));
}

TEST(PadMap, SameSizeSharesMemory) {
  const Tensor x = random_tensor({2, 5, 3, 4}, 1);
  EXPECT_EQ(pad_map(x, 5, 3).raw(), x.raw());
}

TEST(PadMap, OnlyMapsArePadded) {
  EXPECT_THROW(pad_map(empty({5, 3, 4}, DType::f32), 7, 7), ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
