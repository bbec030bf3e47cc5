#include "tests/ops/residual_cases.h"

#include "core/ops/layer_norm.h"
#include "core/ops/residual.h"

namespace vicinity::testing {
namespace {

TEST(Residual, GradientsMatchDifferences) { check_gradients(residual_cases()); }
TEST(Residual, BackendsAgree) { check_backends(residual_cases()); }
TEST(Residual, SameBitsOnAnyThreadCount) { check_threads(residual_cases()); }

struct Inputs {
  Tensor x, branch, gamma, norm_w, norm_b;
  explicit Inputs(DType dtype, double offset = 0)
      : x(cast(random_tensor({3, 5, 72}, 1, 1, offset), dtype)),
        branch(cast(random_tensor({3, 5, 72}, 2), dtype)),
        gamma(cast(random_tensor({72}, 3), DType::f32)),
        norm_w(cast(random_tensor({72}, 4), DType::f32)),
        norm_b(cast(random_tensor({72}, 5), DType::f32)) {}
};

TEST(Residual, NormIsTakenOfTheRoundedSum) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const double offset : {0.0, 1e4}) {
      const Inputs in(dtype, offset);
      const ResidualOut out = residual(in.x, in.branch, in.gamma, drop_factors(3, DType::f32),
                                       in.norm_w, in.norm_b, 1e-5);
      EXPECT_TRUE(same_bits(out.normed, layer_norm(out.sum, in.norm_w, in.norm_b, 1e-5)))
          << dtype << " offset " << offset;
    }
  }
}

TEST(Residual, DroppedSamplesPassUntouched) {
  const Inputs in(DType::bf16);
  const Tensor none = full({3}, 0, DType::f32);
  const ResidualOut out = residual(in.x, in.branch, in.gamma, none, {}, {}, 0);
  EXPECT_TRUE(same_bits(out.sum, in.x));
  EXPECT_FALSE(out.normed.defined());
  const ResidualGrads grads =
      residual_backward(in.x, {}, out.sum, in.branch, in.gamma, none, {}, 0);
  EXPECT_TRUE(same_bits(grads.dx, in.x));
  EXPECT_TRUE(same_bits(grads.dgamma, full({72}, 0, DType::f32)));
  EXPECT_EQ(relative_error(add(grads.dbranch, in.x), in.x), 0);
}

TEST(Residual, OneOfManySamplesKeptCarriesTheWholeExpectation) {
  const Inputs in(DType::f32);
  const Tensor factors = tensor_of<float>({3}, {3, 0, 0});  // keep = 1 / B
  const ResidualOut out = residual(in.x, in.branch, {}, factors, {}, {}, 0);
  Tensor expected = cast(in.branch.slice(0, 1), DType::f64);
  scale_(expected, 3);
  add_(expected, cast(in.x.slice(0, 1), DType::f64));
  EXPECT_LT(relative_error(out.sum.slice(0, 1), expected), 1e-7);
  EXPECT_TRUE(same_bits(out.sum.slice(1, 3), in.x.slice(1, 3)));
}

TEST(Residual, BareSumSharesOneGradientForBothBranches) {
  const Inputs in(DType::f32);
  const ResidualGrads bare = residual_backward(in.x, {}, in.x, {}, {}, {}, {}, 0);
  EXPECT_EQ(bare.dx.raw(), in.x.raw());
  EXPECT_EQ(bare.dbranch.raw(), in.x.raw());
  const ResidualGrads normed = residual_backward({}, in.x, in.branch, {}, {}, {}, in.norm_w, 1e-5);
  EXPECT_EQ(normed.dbranch.raw(), normed.dx.raw());
  EXPECT_TRUE(same_bits(normed.dx, layer_norm_backward(in.x, in.branch, in.norm_w, 1e-5).dx));
}

TEST(Residual, MisfitsAreRefused) {
  const Inputs in(DType::bf16);
  const Tensor seven = empty({7}, DType::f32);
  EXPECT_THROW(residual(in.x, in.x.slice(0, 2), {}, {}, {}, {}, 0), ShapeError);
  EXPECT_THROW(residual(in.x, in.branch, seven, {}, {}, {}, 0), ShapeError);
  EXPECT_THROW(residual(in.x, in.branch, {}, seven, {}, {}, 0), ShapeError);
  EXPECT_THROW(residual(in.x, in.branch, {}, {}, seven, in.norm_b, 0), ShapeError);
  EXPECT_THROW(residual(in.x, in.branch, {}, {}, in.norm_w, {}, 0), ShapeError);
  EXPECT_THROW(residual(in.x, cast(in.branch, DType::f32), {}, {}, {}, {}, 0), DTypeError);
  EXPECT_THROW(residual(in.x, in.branch, cast(in.gamma, DType::bf16), {}, {}, {}, 0), DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
