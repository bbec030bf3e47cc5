#include "tests/ops/token_pool_cases.h"

#include "core/ops/token_pool.h"

namespace vicinity::testing {
namespace {

TEST(TokenPool, GradientsMatchDifferences) { check_gradients(token_pool_cases()); }
TEST(TokenPool, BackendsAgree) { check_backends(token_pool_cases()); }
TEST(TokenPool, SameBitsOnAnyThreadCount) { check_threads(token_pool_cases()); }

TEST(TokenPool, RegistersCountForNothing) {
  const Tensor x = random_tensor({2, 9, 5}, 1);
  Tensor other = add(x, zeros(x.shape(), DType::f64));
  for (int64_t i = 5; i < 20; ++i) other.data<double>()[i] = 1e6;  // tokens 1..3 of image 0
  EXPECT_TRUE(same_bits(token_pool(other, 4, true), token_pool(x, 4, true)));
}

TEST(TokenPool, NoTokenLeftIsRefused) {
  EXPECT_THROW(token_pool(empty({2, 4, 3}, DType::f32), 4, true), ShapeError);
  EXPECT_THROW(token_pool(empty({2, 4, 3}, DType::f32), -1, true), ShapeError);
  EXPECT_THROW(token_pool(empty({4, 3}, DType::f32), 0, true), ShapeError);
}

}  // namespace
}  // namespace vicinity::testing
