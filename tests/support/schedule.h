// Another order of threads for emulated kernels.
#pragma once

#include <cstdint>

#ifdef VICINITY_CUDA_EMULATED
#include "tests/simt/emulator.h"
#endif

namespace vicinity::testing {

/// Until the end of the scope emulated kernels run in an order drawn from `seed`
/// (tests/simt/emulator.h, set_schedule); a GPU has its own.
class Schedule {
 public:
#ifdef VICINITY_CUDA_EMULATED
  explicit Schedule(uint64_t seed) { simt::set_schedule(seed); }
  ~Schedule() { simt::set_schedule(0); }
#else
  explicit Schedule(uint64_t) {}
  ~Schedule() {}  // NOLINT: as above, so that nobody is told of an unused variable
#endif
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;
};

}  // namespace vicinity::testing
