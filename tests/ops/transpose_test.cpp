// A matrix turned over, on sizes around the tiles that it is cut into.
#include "core/cpu/transpose.h"

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

Tensor numbered(int64_t rows, int64_t columns, DType dtype) {
  Tensor a = empty({rows, columns}, DType::f32);
  Random random(1, Purpose::test);
  for (int64_t i = 0; i < a.size(); ++i) a.data<float>()[i] = random.uniform();
  return cast(a, dtype);
}

template <class T>
void expect_turned(const Tensor& a) {
  const int64_t rows = a.dim(0), columns = a.dim(1);
  Tensor out = empty({columns, rows}, a.dtype());
  kernels::transpose(cpu(), a, out);
  for (int64_t j = 0; j < columns; ++j)
    for (int64_t i = 0; i < rows; ++i)
      ASSERT_EQ(static_cast<float>(out.data<T>()[j * rows + i]),
                static_cast<float>(a.data<T>()[i * columns + j]))
          << rows << " x " << columns << " at " << i << ", " << j;
}

TEST(Transpose, TurnsEverySize) {
  for (const int64_t rows : {1, 7, 8, 15, 16, 17, 33, 384})
    for (const int64_t columns : {1, 5, 8, 63, 64, 65, 71, 200}) {
      expect_turned<float>(numbered(rows, columns, DType::f32));
      expect_turned<bf16>(numbered(rows, columns, DType::bf16));
    }
  expect_turned<float>(empty({0, 5}, DType::f32));
}

}  // namespace
}  // namespace vicinity
