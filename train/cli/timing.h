// How `bench` takes times.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/runtime/profile.h"

namespace vicinity {

struct Timing {
  double best = 1e30, median = 0;
};

template <class Work>
Timing time_it(int64_t repeats, Work&& work) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(seconds_since(start));
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2]};
}

}  // namespace vicinity
