// Memory of tensors. One allocator per device; each counts what is in use and its peak.
#pragma once

#include <cstddef>

#include "core/tensor/device.h"

namespace vicinity {

struct MemoryUse {
  size_t current = 0;  // bytes handed out now
  size_t peak = 0;     // most ever handed out since the last reset_peak
};

class Allocator {
 public:
  virtual ~Allocator() = default;
  /// At least `bytes` bytes aligned to 64, contents undefined. OutOfMemory when there is no more.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* data, size_t bytes) = 0;

  MemoryUse use() const { return use_; }
  void reset_peak() { use_.peak = use_.current; }

 protected:
  MemoryUse use_;
};

/// Never destroyed: tensors with static lifetime may outlive any order of destruction. DeviceError
/// if the program was built without the device, or what opening it at the first call says.
Allocator& allocator_of(Device device);
/// How a backend above this room brings the allocator of its device.
void provide_allocator(Device device, Allocator& (*open)());

}  // namespace vicinity
