// Where a tensor lives.
#pragma once

#include <cstdint>
#include <ostream>

namespace vicinity {

enum class DeviceKind : uint8_t {
  cpu,
  plan,  // computes nothing and holds nothing: adds up bytes and FLOPs (core/runtime/plan.h)
};

struct Device {
  DeviceKind kind = DeviceKind::cpu;

  friend bool operator==(const Device&, const Device&) = default;
};

inline constexpr Device kCpu{DeviceKind::cpu};
inline constexpr Device kPlan{DeviceKind::plan};

inline std::ostream& operator<<(std::ostream& out, Device device) {
  return out << (device.kind == DeviceKind::cpu ? "cpu" : "plan");
}

}  // namespace vicinity
