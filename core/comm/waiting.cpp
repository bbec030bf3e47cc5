#include "core/comm/waiting.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace vicinity {

void pause(int64_t turn) {
  constexpr int64_t kSpin = 2000;
  if (turn < kSpin) {
    ::sched_yield();
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void WatchedRanks::open_watch() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::vector<std::string> hosts = all_gather_texts(host.data());
  const bool local = std::count(hosts.begin(), hosts.end(), hosts[0]) == size_;
  watch_.emplace(rank_, size_, broadcast_text(rank_ == 0 ? RankWatch::open(local) : ""));
  barrier();
}

void WatchedRanks::abort(const std::string& why) noexcept {
  if (watch_) watch_->leave(why);
}

void WatchedRanks::doing(const char* what, int64_t step) {
  watch_->doing(what, step, false);
  step_ = step;
  watch_->check();
}

void WatchedRanks::waiting(const char* what) {
  if (what != waiting_) watch_->doing(what != nullptr ? what : "work", step_, what != nullptr);
  waiting_ = what;
  watch_->check(kGrace);
}

}  // namespace vicinity
