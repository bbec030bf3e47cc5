#include "core/tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/base/random.h"
#include "core/tensor/arena.h"
#include "core/tensor/plan_extent.h"

namespace vicinity {
namespace {

TEST(Arena, LiveBlocksNeverOverlapAndFreedOnesMerge) {
  const size_t capacity = 1 << 20;
  Arena arena(capacity);
  std::map<size_t, size_t> live;
  Random random(3, Purpose::test);
  for (int i = 0; i < 20000; ++i) {
    if (random.chance(0.55)) {
      const size_t bytes = random.below(9000);
      const size_t at = arena.allocate(bytes);
      if (at == Arena::kNone) continue;
      ASSERT_EQ(at % Arena::kAlignment, 0u);
      ASSERT_LE(at + bytes, capacity);
      const auto next = live.lower_bound(at);
      ASSERT_TRUE(next == live.end() || at + bytes <= next->first);
      ASSERT_TRUE(next == live.begin() || std::prev(next)->first + std::prev(next)->second <= at);
      live[at] = bytes;
    } else if (!live.empty()) {
      auto victim = live.begin();
      std::advance(victim, random.below(live.size()));
      arena.release(victim->first);
      live.erase(victim);
    }
  }
  for (const auto& [at, bytes] : live) arena.release(at);
  EXPECT_EQ(arena.allocate(capacity), 0u) << "released blocks did not merge into one";
}

TEST(Tensor, ViewsShareStorage) {
  Tensor x = tensor_of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  Tensor row = x.slice(1, 2);
  row.data<float>()[1] = 9;
  EXPECT_EQ(values_of<float>(x.reshape({-1})), (std::vector<float>{1, 2, 3, 9, 5, 6}));
  EXPECT_FALSE(x.unique());
  EXPECT_THROW(x.reshape({4}), ShapeError);
  EXPECT_THROW(x.slice(2, 4), ShapeError);
  EXPECT_THROW(x.data<double>(), InternalError);
}

TEST(Tensor, AllocatorReusesMemoryAndCounts) {
  const size_t before = allocator_of(kCpu).use().current;
  [[maybe_unused]] const char* first;
  {
    const Tensor x = empty({1000, 1000}, DType::f32);
    first = x.raw();
    EXPECT_EQ(allocator_of(kCpu).use().current, before + 4000000);
  }
  EXPECT_EQ(allocator_of(kCpu).use().current, before);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_EQ(empty({1000, 1000}, DType::f32).raw(), first);
#endif
  EXPECT_THROW(empty({int64_t{1} << 45}, DType::f64), OutOfMemory);
}

TEST(Tensor, PlanDeviceHoldsNothing) {
  allocator_of(kPlan).reset_peak();
  const size_t before = allocator_of(kPlan).use().peak;
  {
    const Tensor x = empty({1 << 20, 1 << 10}, DType::f32, kPlan);
    EXPECT_EQ(allocator_of(kPlan).use().current, before + (size_t{4} << 30));
  }
  EXPECT_EQ(allocator_of(kPlan).use().peak, before + (size_t{4} << 30));
}

TEST(Tensor, PlanDeviceLaysOutAsTheCpuDoes) {
  reset_plan_extent();
  const size_t before = plan_extent();
  {
    const Tensor a = empty({100}, DType::u8, kPlan);  // 128 bytes each
    Tensor b = empty({100}, DType::u8, kPlan);
    const Tensor c = empty({100}, DType::u8, kPlan);
    EXPECT_EQ(plan_extent(), before + 384);
    b = Tensor();
    const Tensor fits = empty({128}, DType::u8, kPlan);
    EXPECT_EQ(plan_extent(), before + 384);
    const Tensor does_not = empty({129}, DType::u8, kPlan);
    EXPECT_EQ(plan_extent(), before + 576);
  }
  EXPECT_EQ(plan_extent(), before + 576) << "what was touched";
  reset_plan_extent();
  EXPECT_EQ(plan_extent(), before);
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(static_cast<float>(bf16(1.0f)), 1.0f);
  EXPECT_EQ(bf16(1.00390625f).bits, bf16(1.0f).bits);           // halfway: to the even neighbour
  EXPECT_EQ(static_cast<float>(bf16(1.01171875f)), 1.015625f);  // halfway: up to the even neighbour
  EXPECT_TRUE(std::isnan(static_cast<float>(bf16(NAN))));
  EXPECT_EQ(static_cast<float>(bf16(INFINITY)), INFINITY);
}

}  // namespace
}  // namespace vicinity
