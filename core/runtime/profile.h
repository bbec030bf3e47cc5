// Seconds per op on a real device, for `vicinity bench`. Off unless switched on; then two clock
// reads an op.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "core/runtime/cost.h"

namespace vicinity {

class Profile {
 public:
  struct Entry {
    int64_t calls = 0;
    double seconds = 0;
    Cost cost;
  };

  bool enabled() const { return enabled_; }
  void enable(bool on) { enabled_ = on; }
  void reset() { by_op_.clear(); }
  void add(const char* op, double seconds, const Cost& cost);
  const std::map<std::string, Entry>& by_op() const { return by_op_; }

 private:
  bool enabled_ = false;
  std::map<std::string, Entry> by_op_;
};

Profile& profile();

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace vicinity
