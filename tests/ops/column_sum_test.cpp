#include "core/ops/column_sum.h"

#include "tests/reference/linear.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

std::vector<OpCase> column_sum_cases() {
  std::vector<OpCase> cases;
  for (const Shape& shape :
       {Shape{1, 1}, Shape{1, 37}, Shape{3000, 1}, Shape{2, 3, 5, 7}, Shape{129, 64},
        Shape{2, 4099, 9}, Shape{5}, Shape{300, 24}, Shape{517, 64}, Shape{131, 96},
        Shape{3, 43, 128}, Shape{70, 136}, Shape{67, 768}, Shape{35, 1536}, Shape{40000, 8}}) {
    cases.push_back(
        {.name = str("column_sum ", shape),
         .inputs = {{.shape = shape, .offset = 1, .wants_grad = false}},
         .run = [](const auto& in) { return std::vector<Variable>{column_sum(in[0].value())}; },
         .reference =
             [](const auto& in) { return std::vector<Tensor>{reference::column_sum(in[0])}; },
         .bf16_tolerance = 1e-5});  // the inputs are rounded, the sum is not
  }
  return cases;
}

TEST(ColumnSum, BackendsAgree) { check_backends(column_sum_cases()); }
TEST(ColumnSum, SameBitsOnAnyThreadCount) { check_threads(column_sum_cases()); }

TEST(ColumnSum, NoRowsSumToZero) {
  EXPECT_EQ(values_of<float>(column_sum(empty({0, 3}, DType::bf16))),
            (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace vicinity::testing
