// The only switch over devices.
#pragma once

#include <utility>

#include "core/runtime/cost.h"
#include "core/runtime/cpu.h"
#include "core/runtime/plan.h"
#include "core/runtime/profile.h"
#include "core/tensor/device.h"

namespace vicinity {

/// Calls work(context) with the context of the device, so that overload resolution picks the
/// kernel. On the plan device the cost is added up instead and `work` is not called.
template <class Work>
void on_device(const char* op, Device device, const Cost& cost, Work&& work) {
  if (device.kind == DeviceKind::plan) {
    plan().add(op, cost);
    return;
  }
  if (!profile().enabled()) {
    work(cpu());
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  work(cpu());
  profile().add(op, seconds_since(start), cost);
}

}  // namespace vicinity
