#include "core/ops/elementwise.h"

#include <bit>

#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

// Every upper half with lower halves below, at and above a tie: infinities, NaN and numbers below
// the smallest normal one included.
Tensor all_upper_halves() {
  const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
  Tensor x = empty({65536, 6}, DType::f32);
  for (int64_t i = 0; i < x.size(); ++i)
    x.data<float>()[i] = std::bit_cast<float>(static_cast<uint32_t>(i / 6) << 16 | lower[i % 6]);
  return x;
}

TEST(Elementwise, ConversionsGiveTheBitsOfTheTypes) {
  const Tensor x = all_upper_halves(), narrow = cast(x, DType::bf16),
               wide = cast(narrow, DType::f32);
  for (int64_t i = 0; i < x.size(); ++i) {
    const bf16 expected(x.data<float>()[i]);
    ASSERT_EQ(narrow.data<bf16>()[i].bits, expected.bits) << x.data<float>()[i];
    ASSERT_EQ(std::bit_cast<uint32_t>(wide.data<float>()[i]), uint32_t{expected.bits} << 16);
  }
}

// Each length up to several vectors: nothing behind the end is touched.
TEST(Elementwise, EveryLengthEndsWhereItShould) {
  for (int64_t n = 1; n <= 70; ++n) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::f64}) {
      const Tensor a = cast(random_tensor({n}, 1), dtype);
      Tensor room = full({n + 64}, 7, dtype), y = room.slice(0, n);
      copy_(y, a);
      add_(y, a);
      scale_(y, 0.5);
      EXPECT_TRUE(same_bits(y, a)) << n << " " << dtype;
      EXPECT_TRUE(same_bits(room.slice(n, n + 64), full({64}, 7, dtype))) << n << " " << dtype;
      const DType other = dtype == DType::bf16 ? DType::f32 : DType::bf16;
      Tensor other_room = full({n + 64}, 7, other), z = other_room.slice(0, n);
      copy_(z, a);
      EXPECT_TRUE(same_bits(z, cast(a, other))) << n << " " << dtype;
      EXPECT_TRUE(same_bits(other_room.slice(n, n + 64), full({64}, 7, other)))
          << n << " " << dtype;
    }
  }
}

}  // namespace
}  // namespace vicinity::testing
