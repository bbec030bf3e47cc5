#include "autograd/ops/dropout.h"

#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

Tensor factors_for(const Tensor& x) {
  Tensor factors = empty(x.shape(), DType::f64);
  for (int64_t i = 0; i < x.size(); ++i) factors.data<double>()[i] = i % 3 == 1 ? 0 : 1.25;
  return to_device(cast(factors, accumulator_of(x.dtype())), x.device());
}

std::vector<OpCase> dropout_cases() {
  std::vector<OpCase> cases;
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 7}, Shape{5, 300}}) {
    OpCase c;
    c.name = str(shape);
    c.inputs = {Input{.shape = shape}};
    c.run = [](const std::vector<Variable>& in) {
      return std::vector<Variable>{dropout(in[0], factors_for(in[0].value()))};
    };
    c.reference = [](const std::vector<Tensor>& in) {
      Tensor y = empty_like(in[0]);
      for (int64_t i = 0; i < y.size(); ++i)
        y.data<double>()[i] = i % 3 == 1 ? 0 : 1.25 * in[0].data<double>()[i];
      return std::vector<Tensor>{y};
    };
    cases.push_back(c);
  }
  return cases;
}

TEST(Dropout, GradientsMatchDifferences) { check_gradients(dropout_cases()); }
TEST(Dropout, BackendsAgree) { check_backends(dropout_cases()); }
TEST(Dropout, SameBitsOnAnyThreadCount) { check_threads(dropout_cases()); }

TEST(Dropout, RefusesOtherShapes) {
  EXPECT_THROW(dropout(zeros({2, 3}, DType::f32), zeros({3, 2}, DType::f32)), ShapeError);
  EXPECT_THROW(dropout(zeros({2, 3}, DType::bf16), zeros({2, 3}, DType::bf16)), DTypeError);
}

}  // namespace
}  // namespace vicinity::testing
