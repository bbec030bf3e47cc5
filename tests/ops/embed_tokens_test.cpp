#include "tests/ops/embed_tokens_cases.h"

#include "core/ops/embed_tokens.h"

namespace vicinity::testing {
namespace {

TEST(EmbedTokens, GradientsMatchDifferences) { check_gradients(embed_tokens_cases()); }
TEST(EmbedTokens, BackendsAgree) { check_backends(embed_tokens_cases()); }
TEST(EmbedTokens, SameBitsOnAnyThreadCount) { check_threads(embed_tokens_cases()); }

TEST(EmbedTokens, MaskedPatchesGetNoGradientAndTheMaskTokenAll) {
  const Tensor dy = full({2, 4, 3}, 1, DType::f32),
               all = tensor_of<uint8_t>({2, 3}, std::vector<uint8_t>(6, 1));
  const EmbedTokensGrads grads = embed_tokens_backward(dy, 0, all);
  EXPECT_TRUE(same_bits(grads.dpatches, zeros({2, 3, 3}, DType::f32)));
  EXPECT_TRUE(same_bits(grads.dmask_token, full({3}, 6, DType::f32)));
  EXPECT_TRUE(same_bits(grads.dpositions, full({4, 3}, 2, DType::f32)));
}

TEST(EmbedTokens, MisfitsAreRefused) {
  const Tensor patches = empty({2, 6, 4}, DType::bf16), cls = empty({4}, DType::f32),
               positions = empty({7, 4}, DType::f32), mask = patch_mask(2, 6);
  EXPECT_THROW(embed_tokens(patches, cls, empty({6, 4}, DType::f32), {}, {}, {}), ShapeError);
  EXPECT_THROW(embed_tokens(patches, empty({3}, DType::f32), positions, {}, {}, {}), ShapeError);
  EXPECT_THROW(embed_tokens(patches, cls, positions, empty({2, 3}, DType::f32), {}, {}),
               ShapeError);
  EXPECT_THROW(embed_tokens(patches, cls, positions, {}, {}, mask), ShapeError);
  EXPECT_THROW(embed_tokens(patches, cls, positions, {}, cls, patch_mask(6, 2)), ShapeError);
  EXPECT_THROW(embed_tokens(patches, cast(cls, DType::bf16), positions, {}, {}, {}), DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
