// What a kernel writes behind a tensor is found when that is released and told at the next
// allocation. Here there is one after every test, which may have none of its own.
#if defined(VICINITY_CUDA)
#include <gtest/gtest-spi.h>

#include "core/runtime/cuda.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {
namespace {

void expect_nothing_written_behind() {
  if (!cuda_is_there()) return;
  EXPECT_NO_THROW(empty({1}, DType::f32, kCuda));
}

struct AfterEachTest : ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo&) override { expect_nothing_written_behind(); }
};
[[maybe_unused]] const bool listens = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new AfterEachTest);  // gtest deletes it
  return true;
}();

TEST(GuardBytes, AreLookedAtWhenATestEnds) {
  if (!cuda_is_there() || !cuda_api::checks_memory()) GTEST_SKIP() << "no emulated device";
  {
    const Tensor x = empty({3}, DType::f32, kCuda);
    cuda_api::fill_bytes(x.raw(), 0, x.bytes() + 1, cuda().stream());
  }
  EXPECT_NONFATAL_FAILURE(expect_nothing_written_behind(),
                          "behind the end of a tensor of 12 bytes");
  expect_nothing_written_behind();
}

}  // namespace
}  // namespace vicinity::testing
#endif
