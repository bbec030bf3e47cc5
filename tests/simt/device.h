// The emulated device, for tests that change it.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/runtime/cuda_support.h"

namespace vicinity::simt {

struct Device {
  /// What its driver says: all is well, until a test changes it.
  CudaSupport support{.driver = 13000,
                      .runtime = 13000,
                      .devices = 1,
                      .name = "emulated device",
                      .capability = 90,
                      .architectures = "90"};
  size_t memory = size_t{4} << 30;  // bytes it claims to have
  size_t used = 0;
  size_t shared_per_block = size_t{227} << 10;  // that of compute capability 9.0
  std::map<void*, size_t> blocks;               // handed out
  std::vector<std::string> ranges;              // of the profiler, open ones
  /// Of the fault that broke the device: every call fails with it from then on. Empty: it works.
  std::string fault;
};
Device& device();
/// Breaks the device as a kernel with a wild pointer does: what was enqueued is never done.
void break_device(const std::string& fault);

}  // namespace vicinity::simt
