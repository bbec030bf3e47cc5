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
  /// At least `bytes` bytes aligned to 64, contents undefined. DeviceError when there is no more.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* data, size_t bytes) = 0;

  MemoryUse use() const { return use_; }
  void reset_peak() { use_.peak = use_.current; }

 protected:
  MemoryUse use_;
};

Allocator& allocator_of(Device device);

}  // namespace vicinity
