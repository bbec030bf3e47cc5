// The only switch over devices.
#pragma once

#include <utility>

#include "core/runtime/cost.h"
#include "core/runtime/cpu.h"
#include "core/runtime/cuda.h"
#include "core/runtime/plan.h"
#include "core/runtime/profile.h"
#include "core/tensor/device.h"

namespace vicinity {

/// Calls work(context) with the context of the device, so that overload resolution picks the
/// kernel. On the plan device the cost is added up instead and `work` is not called.
template <class Work>
void on_device(const char* op, Device device, const Cost& cost, Work&& work) {
  const auto run = [&] {
    if constexpr (kCudaBuilt) {
      if (device.kind == DeviceKind::cuda) {
        const cuda_api::Range range(op);
        work(cuda());
        if (profile().enabled()) cuda().synchronize();
        return;
      }
    }
    work(cpu());
  };
  if (device.kind == DeviceKind::plan) {
    plan().add(op, cost);
  } else if (profile().enabled()) {
    const auto start = std::chrono::steady_clock::now();
    run();
    profile().add(op, seconds_since(start), cost);
  } else {
    run();
  }
}

}  // namespace vicinity
