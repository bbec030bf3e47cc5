#include "tests/ops/residual_cases.h"

#include "core/ops/layer_norm.h"
#include "core/ops/residual.h"

namespace vicinity::testing {
namespace {

TEST(Residual, GradientsMatchDifferences) { check_gradients(residual_cases()); }
TEST(Residual, BackendsAgree) { check_backends(residual_cases()); }
TEST(Residual, BackendsAgreeAtEveryWidth) { check_backends(residual_layout_cases()); }
TEST(Residual, SameBitsOnAnyThreadCount) { check_threads(residual_cases()); }

struct Inputs {
  Tensor x, branch, gamma, norm_w, norm_b;
  explicit Inputs(DType dtype, Device device = kCpu, int64_t columns = 72, double offset = 0)
      : x(to_device(cast(random_tensor({3, 5, columns}, 1, 1, offset), dtype), device)),
        branch(to_device(cast(random_tensor({3, 5, columns}, 2), dtype), device)),
        gamma(to_device(cast(random_tensor({columns}, 3), DType::f32), device)),
        norm_w(to_device(cast(random_tensor({columns}, 4), DType::f32), device)),
        norm_b(to_device(cast(random_tensor({columns}, 5), DType::f32), device)) {}
};

TEST(Residual, NormIsTakenOfTheRoundedSum) {
  for (const Device device : test_devices()) {
    const Tensor factors = to_device(drop_factors(3, DType::f32), device);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const double offset : {0.0, 1e4}) {
        for (const int64_t columns : {56, 72, 75, 512, 768}) {
          const Inputs in(dtype, device, columns, offset);
          const ResidualOut out =
              residual(in.x, in.branch, in.gamma, factors, in.norm_w, in.norm_b, 1e-5);
          EXPECT_TRUE(same_bits(out.normed, layer_norm(out.sum, in.norm_w, in.norm_b, 1e-5)))
              << dtype << " offset " << offset << ", " << columns << " columns";
        }
      }
    }
  }
}

TEST(Residual, DroppedSamplesPassUntouched) {
  for (const Device device : test_devices()) {
    const Inputs in(DType::bf16, device);
    const Tensor none = full({3}, 0, DType::f32, device);
    const ResidualOut out = residual(in.x, in.branch, in.gamma, none, {}, {}, 0);
    EXPECT_TRUE(same_bits(out.sum, in.x));
    EXPECT_FALSE(out.normed.defined());
    const ResidualGrads grads =
        residual_backward(in.x, {}, out.sum, in.branch, in.gamma, none, {}, 0);
    EXPECT_TRUE(same_bits(grads.dx, in.x));
    EXPECT_TRUE(same_bits(grads.dgamma, full({72}, 0, DType::f32)));
    EXPECT_EQ(relative_error(add(grads.dbranch, in.x), in.x), 0);
  }
}

TEST(Residual, OneOfManySamplesKeptCarriesTheWholeExpectation) {
  for (const Device device : test_devices()) {
    const Inputs in(DType::f32, device);
    const Tensor factors = to_device(tensor_of<float>({3}, {3, 0, 0}), device);  // keep = 1 / B
    const ResidualOut out = residual(in.x, in.branch, {}, factors, {}, {}, 0);
    Tensor expected = on_cpu_f64(in.branch.slice(0, 1));
    scale_(expected, 3);
    add_(expected, on_cpu_f64(in.x.slice(0, 1)));
    EXPECT_LT(relative_error(out.sum.slice(0, 1), expected), 1e-7);
    EXPECT_TRUE(same_bits(out.sum.slice(1, 3), in.x.slice(1, 3)));
  }
}

TEST(Residual, BareSumSharesOneGradientForBothBranches) {
  for (const Device device : test_devices()) {
    const Inputs in(DType::f32, device);
    const ResidualGrads bare = residual_backward(in.x, {}, in.x, {}, {}, {}, {}, 0);
    EXPECT_EQ(bare.dx.raw(), in.x.raw());
    EXPECT_EQ(bare.dbranch.raw(), in.x.raw());
    const ResidualGrads normed =
        residual_backward({}, in.x, in.branch, {}, {}, {}, in.norm_w, 1e-5);
    EXPECT_EQ(normed.dbranch.raw(), normed.dx.raw());
    EXPECT_TRUE(same_bits(normed.dx, layer_norm_backward(in.x, in.branch, in.norm_w, 1e-5).dx));
  }
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
