#include "autograd/ops/patch_embed.h"

#include "core/ops/patches.h"
#include "tests/reference/patch_embed.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

OpCase patch_embed_case(const Shape& images, int64_t p, int64_t width) {
  OpCase c;
  c.name = str("patch_embed ", images, " patch ", p, " width ", width);
  c.inputs = {
      {.shape = images, .wants_grad = false}, {{width, p, p, images.dim(3)}}, {{width}, true}};
  c.run = [](const auto& in) {
    return std::vector<Variable>{patch_embed(in[0].value(), in[1], in[2])};
  };
  c.reference = [](const auto& in) {
    return std::vector<Tensor>{reference::patch_embed(in[0], in[1], in[2])};
  };
  return c;
}

/// One patch of one pixel, whole patches, pixels left over on one or both sides, rows that fill 4
/// and 16 bytes.
std::vector<OpCase> patch_embed_cases() {
  return {patch_embed_case({1, 1, 1, 1}, 1, 1),    patch_embed_case({2, 4, 6, 3}, 2, 5),
          patch_embed_case({1, 15, 17, 3}, 7, 11), patch_embed_case({2, 29, 28, 3}, 14, 24),
          patch_embed_case({3, 5, 9, 2}, 4, 1),    patch_embed_case({2, 33, 48, 3}, 16, 2),
          patch_embed_case({1, 7, 9, 8}, 3, 4)};
}

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
