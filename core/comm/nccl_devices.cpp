#include "core/comm/nccl_devices.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/runtime/cuda.h"

namespace vicinity {

void choose_device_of_rank(const Launch& launch) {
  const int devices = cuda_api::device_count();
  VIC_CHECK(UsageError, launch.local_rank >= 0, "the environment of ", launch.by,
            " does not say which number rank ", launch.rank, " has on its machine, to choose its ",
            "GPU: ", launch.local_variable, " is missing");
  // A launcher that binds a GPU to each rank shows it no other.
  VIC_CHECK(DeviceError, launch.local_rank < devices || devices == 1, "rank ", launch.rank,
            " is one of at least ", launch.local_rank + 1, " on its machine, which has ", devices,
            " GPUs: start as many ranks as there are GPUs");
  choose_cuda_device(launch.local_rank < devices ? launch.local_rank : 0);
}

std::vector<std::string> hosts_of(Communicator& ranks) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return ranks.all_gather_texts(host.data());
}

void check_devices(Communicator& ranks, const std::vector<std::string>& hosts) {
  const cuda_api::DeviceInfo& info = cuda().info();
  const std::vector<std::string> devices = ranks.all_gather_texts(info.uuid);
  const auto own = static_cast<size_t>(ranks.rank());
  for (size_t r = 0; r < hosts.size(); ++r) {
    VIC_CHECK(DeviceError, r == own || hosts[r] != hosts[own] || devices[r] != devices[own],
              "ranks ", std::min(r, own), " and ", std::max(r, own), " have the same GPU (",
              info.name, "): on ", hosts[own], " are ",
              std::count(hosts.begin(), hosts.end(), hosts[own]), " ranks, and this one sees ",
              cuda_api::device_count(), cuda_api::device_count() == 1 ? " GPU" : " GPUs",
              ". Start as many ranks as there are GPUs");
  }
}

int ranks_inside_of(const std::vector<std::string>& hosts) {
  const size_t all = hosts.size();
  size_t inside = 1;
  while (inside < all && hosts[inside] == hosts[0]) ++inside;
  bool alike = inside > 1 && all % inside == 0 && (inside & (inside - 1)) == 0;
  for (size_t r = 0; r < all; ++r)
    for (size_t other = 0; other < all && alike; other += inside)
      alike = (hosts[r] == hosts[other]) == (r / inside == other / inside);
  return static_cast<int>(alike ? inside : all);
}

}  // namespace vicinity
