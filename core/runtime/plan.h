// A device that computes nothing: running a step on it tells FLOPs and bytes per op, and tensors on
// it tell memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/runtime/cost.h"
#include "core/tensor/allocator.h"

namespace vicinity {

class Plan {
 public:
  struct Entry {
    int64_t calls = 0;
    Cost cost;
  };

  void add(const char* op, const Cost& cost);
  void reset();
  const std::map<std::string, Entry>& by_op() const { return by_op_; }
  Cost total() const;
  /// Memory of the tensors made on the plan device.
  MemoryUse memory() const { return allocator_of(kPlan).use(); }

 private:
  std::map<std::string, Entry> by_op_;
};

Plan& plan();

}  // namespace vicinity
