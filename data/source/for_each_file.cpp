#include "data/source/for_each_file.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/runtime/cpu.h"

namespace vicinity {

void for_each_file(int64_t count, const std::function<void(int64_t)>& work) {
  constexpr int64_t kThreadsPerCore = 4;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  int64_t error_at = count;  // numbers are given out in order: those below it are done or running
  const auto run = [&] {
    for (int64_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        next = count;
        if (i < error_at) {
          error_at = i;
          error = std::current_exception();
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const int64_t most = std::min(count, kThreadsPerCore * available_cores());
    for (int64_t t = 0; t < most; ++t) threads.emplace_back(run);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace vicinity
