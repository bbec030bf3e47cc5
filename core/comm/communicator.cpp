#include "core/comm/communicator.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/runtime/cpu.h"

namespace vicinity {

Blocks consecutive(const std::vector<size_t>& bytes) {
  Blocks blocks;
  size_t at = 0;
  for (const size_t n : bytes) {
    blocks.push_back({at, n});
    at += n;
  }
  return blocks;
}

std::vector<std::string> Communicator::all_gather_texts(const std::string& own) {
  const auto ranks = static_cast<size_t>(size()), self = static_cast<size_t>(rank());
  std::vector<uint64_t> sizes(ranks);
  sizes[self] = own.size();
  all_gather(reinterpret_cast<char*>(sizes.data()),
             consecutive(std::vector<size_t>(ranks, sizeof(uint64_t))));
  const Blocks blocks = consecutive({sizes.begin(), sizes.end()});
  std::string all(blocks.back().offset + blocks.back().bytes, ' ');
  std::copy(own.begin(), own.end(), all.begin() + static_cast<std::ptrdiff_t>(blocks[self].offset));
  all_gather(all.data(), blocks);
  std::vector<std::string> texts;
  for (const Block& block : blocks) texts.push_back(all.substr(block.offset, block.bytes));
  return texts;
}

std::string Communicator::broadcast_text(const std::string& text, int root) {
  uint64_t size = text.size();
  broadcast(reinterpret_cast<char*>(&size), sizeof size, root);
  std::string all = rank() == root ? text : std::string(size, ' ');
  broadcast(all.data(), all.size(), root);
  return all;
}

int cores_of_rank(Communicator& comm) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  cpu_set_t mine;
  CPU_ZERO(&mine);
  sched_getaffinity(0, sizeof mine, &mine);
  const std::string own =
      str(host.data(), '\n') + std::string(reinterpret_cast<const char*>(&mine), sizeof mine);
  std::vector<int> users(CPU_SETSIZE);
  int local_ranks = 0;
  for (const std::string& text : comm.all_gather_texts(own)) {
    const size_t end = text.find('\n');
    if (text.substr(0, end) != host.data()) continue;
    ++local_ranks;
    cpu_set_t set;
    std::copy_n(text.data() + end + 1, sizeof set, reinterpret_cast<char*>(&set));
    for (int c = 0; c < CPU_SETSIZE; ++c) users[static_cast<size_t>(c)] += CPU_ISSET(c, &set);
  }
  double share = 0;
  for (int c = 0; c < CPU_SETSIZE; ++c)
    if (CPU_ISSET(c, &mine)) share += 1.0 / users[static_cast<size_t>(c)];
  const bool quota = available_cores() < CPU_COUNT(&mine);
  if (quota) share = std::min(share, static_cast<double>(available_cores()) / local_ranks);
  return std::max(1, static_cast<int>(share + 1e-6));
}

}  // namespace vicinity
