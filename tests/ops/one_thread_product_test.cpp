// Products on one thread: the same bits whatever the thread did before.
#include <gtest/gtest.h>

#include <thread>

#include "core/ops/attention.h"
#include "core/ops/linear.h"
#include "tests/support/filled.h"

namespace vicinity::testing {
namespace {

constexpr int64_t kTokens = 65, kHeads = 3, kWidth = 24;

Tensor gradient_of(int64_t images, DType dtype) {
  const Tensor qkv = filled({images, kTokens, 3 * kWidth}, dtype, 1),
               dout = filled({images, kTokens, kWidth}, dtype, 2);
  return attention_backward(dout, qkv, kHeads);
}

// By a new thread, which has no oneDNN primitives yet: of two images, which are one task and so
// stay on it alone; before that, where `team` says so, of many, beside three others.
Tensor by_a_new_thread(DType dtype, bool team) {
  Tensor result;
  std::thread([&] {
    if (team) {
      linear(filled({64, 8}, dtype, 3), filled({8, 8}, dtype, 4), {});  // by all four
      gradient_of(60, dtype);
    }
    result = gradient_of(2, dtype);
  }).join();
  return result;
}

// oneDNN plans a product for as many threads as its caller could have, in a team too.
TEST(OneThreadProduct, SameBitsWhateverCameBefore) {
  const int before = cpu().threads();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    cpu().set_threads(1);
    const Tensor alone = by_a_new_thread(dtype, false);
    cpu().set_threads(4);
    EXPECT_TRUE(same_bits(alone, by_a_new_thread(dtype, true))) << dtype;
  }
  cpu().set_threads(before);
}

}  // namespace
}  // namespace vicinity::testing
