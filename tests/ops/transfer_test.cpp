// Between host and device, and to the device beside what it computes.
#include "core/ops/transfer.h"

#include "core/ops/elementwise.h"
#include "tests/support/filled.h"

namespace vicinity::testing {
namespace {

Tensor batch(float value) { return full({1000}, value, DType::f32); }

TEST(Transfer, ValuesSurviveTheWayThereAndBack) {
  for (const Device device : test_devices()) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor x = cast(random_tensor({7, 5}, 1), dtype);
      EXPECT_TRUE(same_bits(to_device(to_device(x, device), kCpu), x)) << device << dtype;
    }
    EXPECT_EQ(to_device(empty({0, 3}, DType::f32), device).size(), 0) << device;
    EXPECT_FALSE(to_device(Tensor{}, device).defined()) << device;
  }
}

// What is begun must neither come too late nor write over what the device has yet to read.
TEST(Upload, BringsTheNextBatchWhileTheLastIsInUse) {
  for (const Device device : test_devices()) {
    Upload upload(device);
    Tensor sum = zeros({1000}, DType::f32, device);
    Tensor next = batch(1);
    for (int step = 1; step <= 6; ++step) {
      const Tensor now = next;
      add_(sum, upload(now));
      next = batch(static_cast<float>(step + 1));
      if (step != 3) upload.begin(next);  // one comes unannounced
    }
    EXPECT_EQ(values_of<float>(to_device(sum, kCpu)), std::vector<float>(1000, 21)) << device;
  }
}

TEST(Upload, ABatchThatWasBegunAndNotAskedForIsForgotten) {
  for (const Device device : test_devices()) {
    Upload upload(device);
    upload.begin(batch(1));
    EXPECT_EQ(values_of<float>(to_device(upload(batch(2)), kCpu)), std::vector<float>(1000, 2));
  }
}

}  // namespace
}  // namespace vicinity::testing
