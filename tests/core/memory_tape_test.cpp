#include "core/tensor/memory_tape.h"

#include <gtest/gtest.h>

#include <deque>

#include "core/base/random.h"
#include "core/tensor/tensor.h"

namespace vicinity {
namespace {

Tensor bytes_of(int64_t count) { return empty({count}, DType::u8); }

// Tensors that come and go; each holds its number until it goes.
std::vector<char*> work(uint64_t seed) {
  Random random(seed, Purpose::test);
  std::deque<std::pair<Tensor, uint8_t>> live;
  std::vector<char*> addresses;
  for (int i = 0; i < 200; ++i) {
    if (live.size() > 3 && random.chance(0.6)) {
      const auto at = live.begin() + static_cast<int64_t>(random.below(live.size()));
      for (const uint8_t value : values_of<uint8_t>(at->first)) EXPECT_EQ(value, at->second);
      live.erase(at);
    }
    Tensor tensor = bytes_of(1 + static_cast<int64_t>(random.below(5000)));
    const auto number = static_cast<uint8_t>(i);
    std::fill_n(tensor.data<uint8_t>(), tensor.size(), number);
    addresses.push_back(tensor.raw());
    live.emplace_back(tensor, number);
  }
  for (const auto& [tensor, number] : live) {
    for (const uint8_t value : values_of<uint8_t>(tensor)) EXPECT_EQ(value, number);
  }
  return addresses;
}

size_t in_use() { return allocator_of(kCpu).use().current; }

TEST(MemoryTape, TensorsHaveTheirPlacesFromTheSecondTimeOn) {
  const size_t before = in_use();
  {
    MemoryTape tape;
    std::vector<std::vector<char*>> addresses;
    for (int run = 0; run < 3; ++run) {
      const size_t held = in_use();
      allocator_of(kCpu).reset_peak();
      const MemoryTape::Running running(tape);
      addresses.push_back(work(1));
      EXPECT_EQ(in_use(), held);
      if (run == 0) continue;
      EXPECT_EQ(allocator_of(kCpu).use().peak, held) << "nothing was asked for";
    }
    EXPECT_EQ(addresses[1], addresses[2]);
    EXPECT_EQ(in_use(), before + tape.bytes());
    const auto [low, high] = std::minmax_element(addresses[2].begin(), addresses[2].end());
    EXPECT_LE(static_cast<size_t>(*high - *low), tape.bytes());
  }
  EXPECT_EQ(in_use(), before);
}

TEST(MemoryTape, OtherWorkHasItsMemoryFromTheAllocator) {
  MemoryTape tape;
  for (const uint64_t seed : {1, 1, 2, 1}) {
    const MemoryTape::Running running(tape);
    work(seed);
  }
}

TEST(MemoryTape, WhatIsMadeInAPauseMayBeKept) {
  MemoryTape tape;
  Tensor kept;
  for (int run = 0; run < 3; ++run) {
    const MemoryTape::Running running(tape);
    const Tensor passing = bytes_of(100);
    if (run == 1) {
      const MemoryTape::Paused paused;
      kept = bytes_of(100);
      std::fill_n(kept.data<uint8_t>(), kept.size(), uint8_t{7});
    }
    const Tensor other = bytes_of(200);
    std::fill_n(other.raw(), 200, char{1});
    std::fill_n(passing.raw(), 100, char{2});
  }
  EXPECT_EQ(values_of<uint8_t>(kept), std::vector<uint8_t>(100, 7));
}

TEST(MemoryTape, AFirstTimeThatFailedIsForgotten) {
  MemoryTape tape;
  EXPECT_ANY_THROW({
    const MemoryTape::Running running(tape);
    const Tensor passing = bytes_of(10);
    VIC_FAIL(ShapeError, "in the middle");
  });
  EXPECT_EQ(tape.bytes(), 0u);
  for (int run = 0; run < 3; ++run) {
    const MemoryTape::Running running(tape);
    work(3);
  }
  EXPECT_GT(tape.bytes(), 0u);
}

}  // namespace
}  // namespace vicinity
