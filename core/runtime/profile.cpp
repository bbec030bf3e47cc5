#include "core/runtime/profile.h"

namespace vicinity {

void Profile::add(const char* op, double seconds, const Cost& cost) {
  Entry& entry = by_op_[op];
  ++entry.calls;
  entry.seconds += seconds;
  entry.cost.flops += cost.flops;
  entry.cost.bytes += cost.bytes;
}

Profile& profile() {
  static Profile instance;
  return instance;
}

}  // namespace vicinity
