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

std::string meeting_of_watch(Communicator& comm) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::vector<std::string> hosts = comm.all_gather_texts(host.data());
  const bool local = std::count(hosts.begin(), hosts.end(), hosts[0]) == comm.size();
  return comm.broadcast_text(comm.rank() == 0 ? RankWatch::open(local) : "");
}

}  // namespace vicinity
