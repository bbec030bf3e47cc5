// The mistakes that kernels of sliding windows are made with, each planted in a small one: on
// awkward lengths and in other orders of threads it differs from the reference, and the kernel
// without it never does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/simt/fault.h"

namespace vicinity {
namespace {

using testing::run;
using testing::Schedule;

constexpr int kThreads = 64;  // two warps, a query each
/// At the far border a window begins so far before its query.
constexpr int halo_of(int window) { return window - 1; }

enum class Plant { none, window_off_by_one, missing_barrier, short_halo };

/// y[q] = sum over keys k = start .. start + kWindow - 1 of (k - start + 1) x[k], start = q -
/// kWindow / 2, shifted to lie inside 0 .. n - 1.
template <int kWindow>
DEV_KERNEL void window_kernel(const float* x, float* y, int n, Plant plant) {
  constexpr int kHalo = halo_of(kWindow);
  DEV_SHARED(float, tile, kThreads + 2 * kHalo);
  const int first = static_cast<int>(dev::block()) * kThreads - kHalo;
  const int skipped = plant == Plant::short_halo ? 1 : 0;
  for (int i = dev::thread() + skipped; i < kThreads + 2 * kHalo; i += kThreads) {
    const int key = first + i;
    tile[i] = key >= 0 && key < n ? x[key] : 0.0f;
  }
  if (plant != Plant::missing_barrier) dev::sync();
  const int query = first + kHalo + dev::thread();
  if (query >= n) return;
  const int last = n - kWindow + (plant == Plant::window_off_by_one ? 1 : 0);
  const int start = dev::max(0, dev::min(query - kWindow / 2, last));
  float sum = 0;
  for (int k = 0; k < kWindow; ++k) sum += static_cast<float>(k + 1) * tile[start + k - first];
  y[query] = sum;
}

template <int kWindow>
std::vector<float> reference(const std::vector<float>& x) {
  const int n = static_cast<int>(x.size());
  std::vector<float> y;
  for (int query = 0; query < n; ++query) {
    const int start = std::clamp(query - kWindow / 2, 0, n - kWindow);
    float sum = 0;
    for (int k = 0; k < kWindow; ++k) sum += static_cast<float>(k + 1) * x[start + k];
    y.push_back(sum);
  }
  return y;
}

/// Whether all results are right, on lengths around the borders of windows and blocks and in
/// several orders of threads.
template <int kWindow>
bool always_right(Plant plant) {
  bool right = true;
  for (const int n : {kWindow, kWindow + 1, 63, 64, 65, 129, 131, 200}) {
    std::vector<float> x;
    for (int i = 0; i < n; ++i) x.push_back(static_cast<float>(i * i % 17 + 1));
    for (const uint64_t seed : {0, 1, 2, 3}) {
      const Schedule schedule(seed);
      std::vector<float> y(x.size(), NAN);
      run(window_kernel<kWindow>, {.blocks = dev::ceil_div(n, kThreads), .threads = kThreads},
          x.data(), y.data(), n, plant);
      right = right && y == reference<kWindow>(x);
    }
  }
  return right;
}

template <int kWindow>
void expect_each_seen() {
  EXPECT_TRUE(always_right<kWindow>(Plant::none)) << kWindow;
  EXPECT_FALSE(always_right<kWindow>(Plant::window_off_by_one)) << kWindow;
  EXPECT_FALSE(always_right<kWindow>(Plant::missing_barrier)) << kWindow;
  EXPECT_FALSE(always_right<kWindow>(Plant::short_halo)) << kWindow;
}

TEST(PlantedFaults, EachGivesWrongNumbers) { expect_each_seen<5>(); }
TEST(PlantedFaults, EachGivesWrongNumbersInWideWindows) { expect_each_seen<11>(); }

}  // namespace
}  // namespace vicinity
