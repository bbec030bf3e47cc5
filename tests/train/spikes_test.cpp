// A leap is told from noise, from a falling loss, and is told once.
#include "train/run/spikes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/random.h"

namespace vicinity::testing {
namespace {

// How many spikes there are in 300 steps of a falling, noisy loss, of which some are set.
int spikes(double noise, const std::vector<std::pair<int, double>>& set) {
  SpikeWatch watch;
  Random random(1, Purpose::test);
  int count = 0;
  for (int step = 0; step < 300; ++step) {
    double loss = 1 + 2 * std::exp(-step / 100.0) + noise * random.normal();
    for (const auto& [at, value] : set)
      if (at == step) loss = value;
    const auto median = watch.add(loss);
    count += median.has_value();
    if (median) {
      EXPECT_NEAR(*median, 1 + 2 * std::exp(-(step - 25) / 100.0), 3 * noise + 0.1);
    }
  }
  return count;
}

TEST(SpikeWatch, TellsLeapsFromNoise) {
  EXPECT_EQ(spikes(0.05, {}), 0);
  EXPECT_EQ(spikes(0.3, {}), 0);
  EXPECT_EQ(spikes(0.05, {{100, 9.0}}), 1);
  EXPECT_EQ(spikes(0.05, {{100, 9.0}, {101, 12.0}, {120, 12.0}}), 1) << "the same trouble";
  EXPECT_EQ(spikes(0.05, {{100, 9.0}, {200, 9.0}}), 2);
  EXPECT_EQ(spikes(0.05, {{5, 9.0}}), 0) << "too early to know";
  EXPECT_EQ(spikes(0.05, {{100, std::numeric_limits<double>::quiet_NaN()}}), 0);
}

}  // namespace
}  // namespace vicinity::testing
