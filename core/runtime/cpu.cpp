#include "core/runtime/cpu.h"

#include <sched.h>

#include <cmath>
#include <fstream>
#include <string>

#include "core/base/error.h"

namespace vicinity {
namespace {

// Cores allowed by a cgroup quota, or a large number where there is none.
int quota_cores() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) {
    return std::max(1, static_cast<int>(std::ceil(std::stod(quota) / period)));
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
      v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double value = 0;
  if (v1_quota >> value && v1_period >> period && value > 0 && period > 0) {
    return std::max(1, static_cast<int>(std::ceil(value / period)));
  }
  return 1 << 20;
}

}  // namespace

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affinity = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, std::min(affinity, quota_cores()));
}

Cpu::Cpu() : threads_(available_cores()), isa_(cpu_isa()) {}

void Cpu::set_threads(int threads) {
  VIC_CHECK(DeviceError, threads >= 1, "threads must be at least 1, got ", threads);
  threads_ = threads;
}

Cpu& cpu() {
  static Cpu instance;
  return instance;
}

}  // namespace vicinity
