// Each fault that the emulator is there to show, planted in a small kernel, and the kernel without
// it.
#include "tests/simt/emulator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "tests/simt/fault.h"

namespace vicinity {
namespace {

using testing::fault_of;
using testing::run;
using testing::says;
using testing::Schedule;

constexpr int kThreads = 64;  // two warps

std::vector<float> counting(size_t n) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), 0.0f);
  return x;
}

// --- barriers

/// y[i] = x[n - 1 - i] through shared memory. `with_barrier`: as it should be.
DEV_KERNEL void reverse_kernel(const float* x, float* y, bool with_barrier) {
  DEV_SHARED(float, tile, kThreads);
  const int i = dev::thread();
  tile[i] = x[dev::block() * kThreads + i];
  if (with_barrier) dev::sync();
  y[dev::block() * kThreads + i] = tile[kThreads - 1 - i];
}

TEST(Emulator, BlocksAndBarriers) {
  const std::vector<float> x = counting(3 * kThreads);
  std::vector<float> y(x.size());
  run(reverse_kernel, {.blocks = 3, .threads = kThreads}, x.data(), y.data(), true);
  for (int block = 0; block < 3; ++block) {
    for (int i = 0; i < kThreads; ++i) {
      EXPECT_EQ(y[block * kThreads + i], x[block * kThreads + kThreads - 1 - i]);
    }
  }
}

TEST(Emulator, MissingBarrierReadsNaN) {
  const std::vector<float> x = counting(kThreads);
  std::vector<float> y(x.size());
  run(reverse_kernel, {.threads = kThreads}, x.data(), y.data(), false);
  EXPECT_TRUE(std::isnan(y[0])) << "thread 0 saw what thread 63 had not written yet";
}

DEV_KERNEL void two_barriers_kernel(int other) {
  if (dev::thread() < other) {
    dev::sync();
  } else {
    dev::sync();
  }
}

TEST(Emulator, DivergentBarrier) {
  EXPECT_EQ(fault_of(two_barriers_kernel, {.threads = kThreads}, 0), "");
  EXPECT_EQ(fault_of(two_barriers_kernel, {.threads = kThreads}, kThreads), "");
  EXPECT_TRUE(says(fault_of(two_barriers_kernel, {.blocks = 2, .threads = kThreads}, 40),
                   "kernel kernel_under_test, block 0, thread 40: divergent barrier: it "
                   "stands at sync of .*emulator_test.cpp:[0-9]+, others at sync of "
                   ".*emulator_test.cpp:[0-9]+"));
}

DEV_KERNEL void some_end_kernel(int from, bool late) {
  if (dev::block() == 1 && dev::thread() >= from) {
    if (late) return;
  } else if (!late && dev::thread() < from && dev::block() == 1) {
    return;
  }
  dev::sync();
}

TEST(Emulator, ThreadsThatEndBeforeABarrier) {
  const LaunchShape shape{.blocks = 2, .threads = kThreads};
  EXPECT_EQ(fault_of(some_end_kernel, shape, kThreads, true), "");
  EXPECT_TRUE(says(fault_of(some_end_kernel, shape, 50, true),
                   "block 1, thread 50: it ended while others wait at sync of .*:[0-9]+"));
  EXPECT_TRUE(says(fault_of(some_end_kernel, shape, 50, false),
                   "block 1, thread 50: sync of .*:[0-9]+ after other threads have ended"));
}

DEV_KERNEL void barrier_and_shuffle_kernel(float* y, bool crossed) {
  const bool waits = crossed && dev::thread() < dev::kWarp;
  float x = 1;
  if (waits && dev::lane() == 0) dev::sync();
  x = dev::warp_sum(x);
  if (!(waits && dev::lane() == 0)) dev::sync();
  y[dev::thread()] = x;
}

TEST(Emulator, DeadlockNamesWhereWhoWaits) {
  std::vector<float> y(kThreads);
  EXPECT_EQ(fault_of(barrier_and_shuffle_kernel, {.threads = kThreads}, y.data(), false), "");
  EXPECT_EQ(y[0], 32.0f);
  // Lane 0 waits for the block, the block for its warp, the warp for lane 0.
  const std::string fault =
      fault_of(barrier_and_shuffle_kernel, {.threads = dev::kWarp}, y.data(), true);
  EXPECT_TRUE(says(fault,
                   "kernel kernel_under_test, block 0: deadlock: .* 1 threads at sync of "
                   ".*emulator_test.cpp:[0-9]+; 31 lanes of warp 0 at shuffle_xor of .*:[0-9]+;"));
}

// --- warps

DEV_KERNEL void lane_returns_kernel(float* y, int lanes) {
  if (dev::lane() >= lanes) return;
  y[dev::thread()] = dev::warp_sum(1.0f);
}

TEST(Emulator, LaneThatReturnsBeforeAWarpOp) {
  std::vector<float> y(kThreads);
  EXPECT_EQ(fault_of(lane_returns_kernel, {.threads = kThreads}, y.data(), 32), "");
  EXPECT_EQ(y, std::vector<float>(kThreads, 32.0f));
  EXPECT_TRUE(
      says(fault_of(lane_returns_kernel, {.threads = kThreads}, y.data(), 31),
           "kernel kernel_under_test, block 0: deadlock: .* 31 lanes of warp 0 at shuffle_xor of "
           ".*dev.h:[0-9]+; 31 lanes of warp 1 at shuffle_xor"));
}

DEV_KERNEL void two_warp_ops_kernel(unsigned* y, int lanes) {
  if (dev::lane() < lanes) {
    y[dev::thread()] = dev::shuffle(1u, 0);
  } else {
    y[dev::thread()] = dev::ballot(true);
  }
}

TEST(Emulator, TwoWarpOpsAtOnce) {
  std::vector<unsigned> y(kThreads);
  EXPECT_EQ(fault_of(two_warp_ops_kernel, {.threads = kThreads}, y.data(), 32), "");
  EXPECT_EQ(fault_of(two_warp_ops_kernel, {.threads = kThreads}, y.data(), 0), "");
  EXPECT_EQ(y, std::vector<unsigned>(kThreads, dev::kAllLanes));
  EXPECT_TRUE(says(fault_of(two_warp_ops_kernel, {.threads = kThreads}, y.data(), 7),
                   "thread 7: divergent warp: it calls ballot of .*emulator_test.cpp:"
                   "[0-9]+, other lanes shuffle of .*emulator_test.cpp:[0-9]+"));
}

// --- shared memory

DEV_KERNEL void static_shared_kernel(int last) {
  DEV_SHARED(float, tile, 100);
  for (int i = dev::thread(); i <= last; i += dev::block_size()) tile[i] = 0;
}

TEST(Emulator, WriteBehindStaticSharedMemory) {
  EXPECT_EQ(fault_of(static_shared_kernel, {.threads = 32}, 99), "");
  EXPECT_EQ(fault_of(static_shared_kernel, {.threads = 32}, 100),
            "kernel kernel_under_test, block 0 wrote behind the end of 400 bytes of shared memory");
}

DEV_KERNEL void dynamic_shared_kernel(int last) {
  DEV_DYNAMIC_SHARED(bf16, tile);
  for (int i = dev::thread(); i <= last; i += dev::block_size()) tile[i] = dev::to_bf16(0);
}

TEST(Emulator, WriteBehindDynamicSharedMemory) {
  EXPECT_EQ(fault_of(dynamic_shared_kernel, {.blocks = 2, .threads = 32, .shared = 66}, 32), "");
  EXPECT_EQ(fault_of(dynamic_shared_kernel, {.blocks = 2, .threads = 32, .shared = 66}, 33),
            "kernel kernel_under_test, block 0 wrote behind the end of 66 bytes of shared memory");
}

DEV_KERNEL void shared_is_fresh_kernel(float* y) {
  DEV_SHARED(float, tile, dev::kWarp);
  DEV_DYNAMIC_SHARED(float, dynamic);
  y[dev::block() * dev::kWarp + dev::thread()] = tile[dev::thread()] + dynamic[dev::thread()];
  tile[dev::thread()] = dynamic[dev::thread()] = 1;
}

TEST(Emulator, SharedMemoryOfEveryBlockStartsAsNaN) {
  std::vector<float> y(2 * dev::kWarp);
  run(shared_is_fresh_kernel, {.blocks = 2, .threads = dev::kWarp, .shared = 128}, y.data());
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

DEV_KERNEL void static_and_dynamic_kernel() {
  DEV_SHARED(float, tile, 8 << 10);
  tile[dev::thread()] = 0;
}

TEST(Emulator, StaticAndDynamicSharedMemoryTogether) {
  const size_t limit = size_t{227} << 10, held = size_t{32} << 10;
  EXPECT_EQ(fault_of(static_and_dynamic_kernel, {.threads = 32, .shared = limit - held}), "");
  EXPECT_TRUE(
      says(fault_of(static_and_dynamic_kernel, {.threads = 32, .shared = limit - held + 16}),
           "32768 bytes of static and 199696 of dynamic shared memory"));
}

// --- loads and copies

enum class From { shared, misaligned, global, behind };

DEV_KERNEL void load_matrices_kernel(const float* x, float* y, From from) {
  DEV_DYNAMIC_SHARED(float, tile);
  for (int i = 0; i < 4; ++i) tile[4 * dev::thread() + i] = x[4 * dev::thread() + i];
  dev::sync();
  const float* row = from == From::global ? x : tile;
  if (from == From::misaligned) row += 2;
  if (from == From::behind) row += 4;
  uint32_t r[4];
  dev::load_matrices(r, row + 4 * dev::lane());
  y[dev::thread()] = dev::as_float(r[0]);
}

TEST(Emulator, LoadMatricesFromAWrongAddress) {
  const std::vector<float> x = counting(4 * dev::kWarp);
  std::vector<float> y(dev::kWarp);
  const LaunchShape shape{.threads = dev::kWarp, .shared = 16 * dev::kWarp};
  EXPECT_EQ(fault_of(load_matrices_kernel, shape, x.data(), y.data(), From::shared), "");
  const std::string complaint =
      "load_matrices of .*emulator_test.cpp:[0-9]+ from an address outside shared memory or not "
      "aligned to 16 bytes";
  EXPECT_TRUE(says(fault_of(load_matrices_kernel, shape, x.data(), y.data(), From::misaligned),
                   "block 0, thread [0-9]+: " + complaint));
  EXPECT_TRUE(says(fault_of(load_matrices_kernel, shape, x.data(), y.data(), From::global),
                   "block 0, thread [0-9]+: " + complaint));
  EXPECT_TRUE(says(fault_of(load_matrices_kernel, shape, x.data(), y.data(), From::behind),
                   "block 0, thread 31: " + complaint));
}

/// y = x through shared memory, in two groups of copies.
DEV_KERNEL void copy_kernel(const float* x, float* y, int to_skip, int from_skip, int pending) {
  DEV_DYNAMIC_SHARED(float, tile);
  const int i = 4 * dev::thread();
  dev::copy_16(tile + i + to_skip, x + i + from_skip);
  dev::copies_commit();
  dev::copy_16(tile + 4 * dev::block_size() + i, x, false);
  dev::copies_commit();
  if (pending == 0) dev::copies_wait<0>();
  if (pending == 1) dev::copies_wait<1>();
  dev::sync();
  for (int e = 0; e < 4; ++e) {
    y[i + e] = tile[i + e];
    y[4 * dev::block_size() + i + e] = tile[4 * dev::block_size() + i + e];
  }
}

TEST(Emulator, CopiesArriveWhenTheyAreWaitedFor) {
  const int half = 4 * dev::kWarp;
  std::vector<float> x = counting(half + 4), y(2 * half);
  const LaunchShape shape{.threads = dev::kWarp, .shared = sizeof(float) * 2 * half};
  run(copy_kernel, shape, x.data(), y.data(), 0, 0, 0);
  for (int i = 0; i < half; ++i) {
    EXPECT_EQ(y[i], x[i]);
    EXPECT_EQ(y[half + i], 0.0f) << "not valid: zeros";
  }
  run(copy_kernel, shape, x.data(), y.data(), 0, 0, 1);
  for (int i = 0; i < half; ++i) {
    EXPECT_EQ(y[i], x[i]);
    EXPECT_TRUE(std::isnan(y[half + i])) << "the second group was not waited for";
  }
  run(copy_kernel, shape, x.data(), y.data(), 0, 0, 2);
  for (const float value : y) EXPECT_TRUE(std::isnan(value)) << "no group was waited for";
}

TEST(Emulator, CopyToOrFromAWrongAddress) {
  std::vector<float> x(4 * dev::kWarp + 4), y(8 * dev::kWarp);
  const LaunchShape shape{.threads = dev::kWarp, .shared = sizeof(float) * 8 * dev::kWarp};
  const std::string complaint =
      "block 0, thread 0: copy_16 of .*emulator_test.cpp:[0-9]+ to an address";
  EXPECT_TRUE(says(fault_of(copy_kernel, shape, x.data(), y.data(), 1, 0, 0), complaint));
  EXPECT_TRUE(says(fault_of(copy_kernel, shape, x.data(), y.data(), 0, 2, 0), complaint));
  EXPECT_TRUE(
      says(fault_of(copy_kernel, shape, x.data(), y.data(), 4 * 9 * dev::kWarp, 0, 0), complaint));
}

// --- order

/// Each thread adds the sum of those before it: right only where they come one after another.
DEV_KERNEL void race_kernel(float* y, bool with_barriers) {
  DEV_SHARED(float, sums, kThreads + 1);
  if (dev::thread() == 0) sums[0] = 0;
  for (int turn = 0; turn < kThreads; ++turn) {
    if (with_barriers) dev::sync();
    if (turn == dev::thread()) sums[turn + 1] = sums[turn] + 1;
  }
  y[dev::thread()] = sums[dev::thread() + 1];
}

TEST(Emulator, ShuffledSchedulesExposeARace) {
  const LaunchShape shape{.threads = kThreads};
  std::vector<float> expected = counting(kThreads + 1);
  expected.erase(expected.begin());
  std::vector<float> y(kThreads);
  run(race_kernel, shape, y.data(), false);
  EXPECT_EQ(y, expected) << "in their own order threads happen to be right";
  std::vector<std::vector<float>> seen;
  for (const uint64_t seed : {1, 2, 3}) {
    const Schedule schedule(seed);
    run(race_kernel, shape, y.data(), true);
    EXPECT_EQ(y, expected) << "with barriers any order is right";
    run(race_kernel, shape, y.data(), false);
    EXPECT_NE(y, expected) << "seed " << seed;
    seen.push_back(y);
    run(race_kernel, shape, y.data(), false);
    EXPECT_EQ(0, std::memcmp(y.data(), seen.back().data(), y.size() * sizeof(float)))
        << "a seed is one schedule";
  }
  EXPECT_NE(0, std::memcmp(seen[0].data(), seen[1].data(), y.size() * sizeof(float)));
}

// Every warp reads what the next has written, then writes anew. Without the second barrier a warp
// that runs ahead writes over what the one before has yet to read; the shuffle keeps warps together
// as long as all take one step at a time.
DEV_KERNEL void early_write_kernel(float* y, bool with_barrier) {
  DEV_SHARED(float, values, kThreads);
  const int thread = dev::thread();
  values[thread] = static_cast<float>(thread);
  dev::sync();
  const float next = dev::shuffle_xor(values[(thread + dev::kWarp) % kThreads], 0);
  if (with_barrier) dev::sync();
  values[thread] = -1;
  y[thread] = next;
}

TEST(Emulator, ARunningAheadWarpExposesAnEarlyWrite) {
  const LaunchShape shape{.threads = kThreads};
  std::vector<float> expected(kThreads), y(kThreads);
  for (int i = 0; i < kThreads; ++i)
    expected[static_cast<size_t>(i)] = static_cast<float>((i + dev::kWarp) % kThreads);
  run(early_write_kernel, shape, y.data(), false);
  EXPECT_EQ(y, expected) << "step by step nobody is late";
  const Schedule schedule(1);
  run(early_write_kernel, shape, y.data(), true);
  EXPECT_EQ(y, expected);
  run(early_write_kernel, shape, y.data(), false);
  EXPECT_NE(y, expected);
}

// --- launching

std::string refusal_of(const LaunchShape& shape) {
  try {
    run(two_barriers_kernel, shape, 0);
  } catch (const DeviceError& error) {
    return error.message();
  }
  return "";
}

TEST(Emulator, LaunchesThatADeviceRefuses) {
  EXPECT_EQ(refusal_of({.threads = 1024, .shared = 227 << 10}), "");
  EXPECT_TRUE(says(refusal_of({.blocks = 0, .threads = 64}),
                   "kernel_under_test on 0 blocks of 64 threads with 0 bytes of shared memory: "
                   "invalid configuration"));
  EXPECT_TRUE(says(refusal_of({.blocks = int64_t{1} << 31, .threads = 64}),
                   "kernel_under_test on 2147483648 blocks"));
  EXPECT_TRUE(says(refusal_of({.threads = 33}), "kernel_under_test on 1 blocks of 33 threads"));
  EXPECT_TRUE(says(refusal_of({.threads = 0}), "kernel_under_test on 1 blocks of 0 threads"));
  EXPECT_TRUE(says(refusal_of({.threads = 1056}), "kernel_under_test on 1 blocks of 1056 threads"));
  EXPECT_TRUE(
      says(refusal_of({.shared = (227 << 10) + 1}),
           "kernel_under_test on 1 blocks of 256 threads with 232449 bytes of shared memory"));
}

TEST(Emulator, RunsOnAfterAFault) {
  std::vector<float> y(kThreads);
  EXPECT_NE(fault_of(two_barriers_kernel, {.blocks = 2, .threads = kThreads}, 40), "");
  EXPECT_EQ(fault_of(lane_returns_kernel, {.threads = kThreads}, y.data(), 32), "");
  EXPECT_EQ(y, std::vector<float>(kThreads, 32.0f));
}

}  // namespace
}  // namespace vicinity
