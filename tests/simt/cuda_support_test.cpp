// Which devices can be used, and what is said of the others.
#include "core/runtime/cuda_support.h"

#include <gtest/gtest.h>

#include <string>

namespace vicinity {
namespace {

CudaSupport hopper() {
  return {.driver = 12080,
          .runtime = 12040,
          .devices = 2,
          .name = "NVIDIA H200",
          .capability = 90,
          .architectures = "90"};
}

CudaSupport without_devices() {
  CudaSupport support = hopper();
  support.devices = 0;
  return support;
}

/// Whether kernels built for `architectures` run on a device of this capability.
bool runs(const std::string& architectures, int capability) {
  CudaSupport support = hopper();
  support.architectures = architectures;
  support.capability = capability;
  return why_unavailable(support).empty();
}

TEST(CudaSupport, NothingIsSaidOfADeviceThatCanBeUsed) {
  CudaSupport support = hopper();
  EXPECT_EQ(why_unavailable(support), "");
  support.index = 1;
  EXPECT_EQ(why_unavailable(support), "");
  support.driver = 12020;  // of the same major version, which is enough
  EXPECT_EQ(why_unavailable(support), "");
}

TEST(CudaSupport, NoDriver) {
  CudaSupport support = without_devices();
  support.driver = 0;
  support.driver_too_old = true;  // so says the runtime then
  EXPECT_EQ(why_unavailable(support),
            "there is no NVIDIA driver on this machine (nvidia-smi shows it)");
}

TEST(CudaSupport, AnOldDriverIsNamedWithWhatIsNeeded) {
  CudaSupport support = without_devices();
  support.driver = 11080;
  const std::string why =
      "the NVIDIA driver is for CUDA 11.8, this program needs 12.4: update the driver";
  EXPECT_EQ(why_unavailable(support), why);
  support.error = "CUDA driver version is insufficient for CUDA runtime version";
  EXPECT_EQ(why_unavailable(support), why);
  support.driver = 12020;  // too old for another reason than its version
  support.driver_too_old = true;
  EXPECT_EQ(why_unavailable(support),
            "the NVIDIA driver is for CUDA 12.2, this program needs 12.4: update the driver");
}

TEST(CudaSupport, NoDevice) {
  CudaSupport support = without_devices();
  EXPECT_EQ(why_unavailable(support),
            "the NVIDIA driver sees no device (CUDA_VISIBLE_DEVICES hides them all?)");
  support.error = "system not yet initialized";
  EXPECT_EQ(why_unavailable(support), "the CUDA runtime says: system not yet initialized");
}

TEST(CudaSupport, NoDeviceOfThatIndex) {
  CudaSupport support = hopper();
  support.index = 2;
  EXPECT_EQ(why_unavailable(support), "there is no device 2, the driver sees 2 (from 0 on)");
}

TEST(CudaSupport, AnArchitectureWithoutKernelsIsNamedWithTheRemedy) {
  CudaSupport support = hopper();
  support.name = "Tesla V100";
  support.capability = 70;
  support.architectures = "80-real;90";
  EXPECT_EQ(why_unavailable(support),
            "this program has kernels for compute capability 80-real;90, the Tesla V100 is 70 "
            "(cmake -DVICINITY_CUDA_ARCHITECTURES=70)");
}

// Machine code runs on devices of its major version from its minor one on, PTX on all later ones.
TEST(CudaSupport, MachineCodeAndPtxRunWhereNvidiaSays) {
  EXPECT_TRUE(runs("80-real", 86));
  EXPECT_FALSE(runs("86-real", 80));
  EXPECT_FALSE(runs("80-real", 90));
  EXPECT_TRUE(runs("80", 90));
  EXPECT_TRUE(runs("80-virtual", 120));
  EXPECT_FALSE(runs("90-virtual", 89));
  EXPECT_TRUE(runs("90-real;100-virtual", 90));
  EXPECT_FALSE(runs("90-real;100-virtual", 89));
}

}  // namespace
}  // namespace vicinity
