// The CPU as a compute device: a number of threads and ways to share work among them.
// One thread of the process owns the OpenMP team; loader and checkpoint threads never call into
// kernels.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/runtime/isa.h"

namespace vicinity {

class Cpu {
 public:
  Cpu();

  int threads() const { return threads_; }
  /// At least 1. DeviceError otherwise.
  void set_threads(int threads);
  Isa isa() const { return isa_; }

  /// body(i) for i in [0, n), each i on one thread. Iterations must not depend on each other; which
  /// thread runs which i must not matter to the bits of the result.
  template <class Body>
  void parallel_for(int64_t n, Body&& body) const {
    if (n <= 1 || threads_ == 1) {
      for (int64_t i = 0; i < n; ++i) body(i);
      return;
    }
    const int64_t grain = std::max<int64_t>(
        1, n / (8 * threads_));  // handing out single small items costs more than they do
#pragma omp parallel for schedule(dynamic, grain) num_threads(threads_)
    for (int64_t i = 0; i < n; ++i) body(i);
  }

  /// body(begin, end) over consecutive ranges of `chunk` items (the last one shorter). The ranges
  /// are a function of n and chunk alone, so partial sums kept per range are the same for any
  /// number of threads.
  template <class Body>
  void parallel_chunks(int64_t n, int64_t chunk, Body&& body) const {
    const int64_t count = (n + chunk - 1) / chunk;
    parallel_for(count, [&](int64_t i) { body(i * chunk, std::min(n, (i + 1) * chunk)); });
  }

  /// body(row) for `rows` rows that cost about `width` elements each; small work stays on this
  /// thread, since waking the team costs more.
  template <class Body>
  void parallel_rows(int64_t rows, int64_t width, Body&& body) const {
    parallel_chunks(rows, std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, width)),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t row = begin; row < end; ++row) body(row);
                    });
  }

 private:
  static constexpr int64_t kElementsPerTask = 1 << 13;

  int threads_;
  Isa isa_;
};

/// The CPU context of this process. Threads: as many as this process may use (affinity, container
/// quota).
Cpu& cpu();

/// Cores this process may use: its affinity mask, cut by the container's CPU quota (cgroup v1 and
/// v2).
int available_cores();

}  // namespace vicinity
