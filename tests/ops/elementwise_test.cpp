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

void expect_ends(int64_t n, DType dtype, Device device) {
  SCOPED_TRACE(str(n, " ", dtype, " ", device));
  const Tensor host = cast(random_tensor({n}, 1), dtype), a = to_device(host, device);
  Tensor room = full({n + 64}, 7, dtype, device), y = room.slice(0, n);
  copy_(y, a);
  add_(y, a);
  scale_(y, 0.5);
  EXPECT_TRUE(same_bits(y, host));
  EXPECT_TRUE(same_bits(room.slice(n, n + 64), full({64}, 7, dtype)));
  const DType other = dtype == DType::bf16 ? DType::f32 : DType::bf16;
  Tensor other_room = full({n + 64}, 7, other, device), z = other_room.slice(0, n);
  copy_(z, a);
  EXPECT_TRUE(same_bits(z, cast(host, other)));
  EXPECT_TRUE(same_bits(other_room.slice(n, n + 64), full({64}, 7, other)));
}

// Each length up to several vectors, on CUDA around a block: nothing behind the end is touched.
TEST(Elementwise, EveryLengthEndsWhereItShould) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f64}) {
    for (int64_t n = 1; n <= 70; ++n) expect_ends(n, dtype, kCpu);
    if (!cuda_is_there() || dtype == DType::f64) continue;
    for (const int64_t n : {1, 7, 8, 9, 70, 2047, 2048, 2049}) expect_ends(n, dtype, kCuda);
  }
}

}  // namespace
}  // namespace vicinity::testing
