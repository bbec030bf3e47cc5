// Where a tensor lives.
#pragma once

#include <cstdint>
#include <ostream>

namespace vicinity {

enum class DeviceKind : uint8_t {
  cpu,
  cuda,  // the NVIDIA GPU of this process (core/runtime/cuda.h)
  plan,  // computes nothing and holds nothing: adds up bytes and FLOPs (core/runtime/plan.h)
};

struct Device {
  DeviceKind kind = DeviceKind::cpu;

  friend bool operator==(const Device&, const Device&) = default;
};

inline constexpr Device kCpu{DeviceKind::cpu};
inline constexpr Device kCuda{DeviceKind::cuda};
inline constexpr Device kPlan{DeviceKind::plan};

inline const char* name_of(Device device) {
  switch (device.kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::cuda:
      return "cuda";
    case DeviceKind::plan:
      return "plan";
  }
  return "?";
}
inline std::ostream& operator<<(std::ostream& out, Device device) { return out << name_of(device); }

}  // namespace vicinity
