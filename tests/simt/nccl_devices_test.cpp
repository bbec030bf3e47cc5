// Which ranks share a machine.
#include "core/comm/nccl_devices.h"

#include <gtest/gtest.h>

namespace vicinity {
namespace {

TEST(NcclDevices, RanksInsideAMachineAreAPowerOfTwoInARow) {
  const auto inside = [](const std::string& hosts) {  // a letter for each rank's
    std::vector<std::string> names;
    for (const char host : hosts) names.emplace_back(1, host);
    return ranks_inside_of(names);
  };
  EXPECT_EQ(inside("aabb"), 2);
  EXPECT_EQ(inside("aabbcc"), 2);
  EXPECT_EQ(inside("aaaabbbb"), 4);
  // One level: one machine, or a rank on each,
  EXPECT_EQ(inside("aaaa"), 4);
  EXPECT_EQ(inside("abcd"), 4);
  EXPECT_EQ(inside("a"), 1);
  // or machines that differ in number, order or by a factor that is no power of two.
  EXPECT_EQ(inside("aabbb"), 5);
  EXPECT_EQ(inside("abab"), 4);
  EXPECT_EQ(inside("aabbaa"), 6);
  EXPECT_EQ(inside("aabc"), 4);
  EXPECT_EQ(inside("aaabbb"), 6);
}

}  // namespace
}  // namespace vicinity
