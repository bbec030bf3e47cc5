#include "tests/ops/patch_embed_cases.h"

#include "core/ops/patches.h"

namespace vicinity::testing {
namespace {

TEST(PatchEmbed, GradientsMatchDifferences) { check_gradients(patch_embed_cases()); }
TEST(PatchEmbed, BackendsAgree) { check_backends(patch_embed_cases()); }
TEST(PatchEmbed, SameBitsOnAnyThreadCount) { check_threads(patch_embed_cases()); }

TEST(Patches, ElementsComeByRowColumnChannel) {
  Tensor x = empty({1, 5, 4, 2}, DType::f32);
  for (int64_t i = 0; i < x.size(); ++i) x.data<float>()[i] = static_cast<float>(i);
  const Tensor y = patches(x, 2);
  ASSERT_EQ(y.shape(), Shape({1, 4, 8}));
  EXPECT_EQ(values_of<float>(y.reshape({4, 8}).slice(1, 2)),
            (std::vector<float>{4, 5, 6, 7, 12, 13, 14, 15}));
  EXPECT_EQ(values_of<float>(y.reshape({4, 8}).slice(2, 3)),
            (std::vector<float>{16, 17, 18, 19, 24, 25, 26, 27}));
}

TEST(Patches, AnImageSmallerThanAPatchIsRefused) {
  EXPECT_THROW(patches(empty({1, 13, 20, 3}, DType::f32), 14), ShapeError);
  EXPECT_THROW(patch_embed(empty({1, 14, 14, 3}, DType::f32),
                           Variable(empty({8, 7, 7, 1}, DType::f32)), Variable()),
               ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
