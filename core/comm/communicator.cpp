#include "core/comm/communicator.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/runtime/cpu.h"

namespace vicinity {
namespace {

// The number of each rank, in the order of ranks.
std::vector<size_t> sizes_of_all(Communicator& comm, size_t own) {
  std::vector<size_t> sizes(static_cast<size_t>(comm.size()));
  sizes[static_cast<size_t>(comm.rank())] = own;
  comm.all_gather(reinterpret_cast<char*>(sizes.data()),
                  consecutive(std::vector<size_t>(sizes.size(), sizeof(size_t))));
  return sizes;
}

// Whole units of 64 bytes, of which MPI counts more than of bytes (mpi_module.cpp).
size_t padded_size(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

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
  const auto self = static_cast<size_t>(rank());
  const Blocks blocks = consecutive(sizes_of_all(*this, own.size()));
  std::string all(blocks.back().offset + blocks.back().bytes, ' ');
  std::copy(own.begin(), own.end(), all.begin() + static_cast<std::ptrdiff_t>(blocks[self].offset));
  all_gather(all.data(), blocks);
  std::vector<std::string> texts;
  for (const Block& block : blocks) texts.push_back(all.substr(block.offset, block.bytes));
  return texts;
}

std::vector<std::string> Communicator::gather_texts(const std::string& own) {
  const auto ranks = static_cast<size_t>(size());
  const std::vector<size_t> sizes = sizes_of_all(*this, own.size());
  std::string padded = own;
  padded.resize(padded_size(own.size()));
  Blocks to(ranks), from(ranks);
  to[0].bytes = padded.size();
  std::string all;
  if (rank() == 0) {
    std::vector<size_t> places;
    for (const size_t bytes : sizes) places.push_back(padded_size(bytes));
    from = consecutive(places);
    all.resize(from.back().offset + from.back().bytes);
  }
  all_to_all(padded.data(), to, all.data(), from);
  std::vector<std::string> texts;
  for (size_t r = 0; rank() == 0 && r < ranks; ++r)
    texts.push_back(all.substr(from[r].offset, sizes[r]));
  return texts;
}

std::string Communicator::broadcast_text(const std::string& text, int root) {
  uint64_t size = text.size();
  broadcast(reinterpret_cast<char*>(&size), sizeof size, root);
  std::string all = rank() == root ? text : std::string(size, ' ');
  broadcast(all.data(), all.size(), root);
  return all;
}

int64_t Communicator::broadcast_number(int64_t value) {
  broadcast(reinterpret_cast<char*>(&value), sizeof value, 0);
  return value;
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
