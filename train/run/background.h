// One piece of work at a time beside the training: writing checkpoints.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <thread>

namespace vicinity {

/// The work runs in a thread of its own, so it calls no op: neither OpenMP nor oneDNN.
class Background {
 public:
  Background() = default;
  /// Waits; what went wrong is logged, since nobody is left to catch it.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Waits for the work before it, then begins this.
  void start(const std::string& what, std::function<void()> work);
  /// Throws what the work that has ended met, "while " + what; does not wait.
  void poll();
  /// Waits for the work and throws what it met.
  void wait();

 private:
  std::string what_;
  std::function<void()> work_;
  std::thread thread_;
  std::atomic<bool> ended_{false};
  std::exception_ptr error_;
};

}  // namespace vicinity
