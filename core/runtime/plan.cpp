#include "core/runtime/plan.h"

namespace vicinity {

void Plan::add(const char* op, const Cost& cost) {
  Entry& entry = by_op_[op];
  ++entry.calls;
  entry.cost.flops += cost.flops;
  entry.cost.bytes += cost.bytes;
}

void Plan::reset() {
  by_op_.clear();
  allocator_of(kPlan).reset_peak();
}

Cost Plan::total() const {
  Cost sum;
  for (const auto& [op, entry] : by_op_) {
    sum.flops += entry.cost.flops;
    sum.bytes += entry.cost.bytes;
  }
  return sum;
}

Plan& plan() {
  static Plan instance;
  return instance;
}

}  // namespace vicinity
