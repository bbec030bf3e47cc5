// How far a long list of images has come, on standard error.
#pragma once

#include <chrono>
#include <cstddef>

namespace vicinity {

class ListProgress {
 public:
  /// `before`: images that another process did.
  explicit ListProgress(size_t total, size_t before = 0) : total_(total), before_(before) {}
  /// A line now and then, for lists that take longer than a second.
  void show(size_t done);

 private:
  size_t total_, before_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(),
                                        last_line_ = start_;
};

}  // namespace vicinity
