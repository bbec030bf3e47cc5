#include "core/comm/nccl.h"

#include "core/comm/nccl_devices.h"
#include "core/comm/nccl_stream.h"

namespace vicinity {
namespace {

// Equal blocks, one behind the other.
bool in_a_row(const Blocks& blocks) {
  bool alike = true;
  for (size_t r = 0; r < blocks.size(); ++r)
    alike &= blocks[r].bytes == blocks[0].bytes &&
             blocks[r].offset == blocks[0].offset + r * blocks[0].bytes;
  return alike;
}

class Nccl : public DeviceCollectives {
 public:
  Nccl(Communicator& ranks, int inside)
      : rank_(ranks.rank()), ranks_(ranks.size()), inside_(inside), stream_(ranks) {}

  int ranks_inside() const override { return inside_; }

  void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                        const Blocks& from) override {
    stream_.begin("all_to_all");
    for (int r = 0; r < ranks_; ++r) {
      stream_.send(send, to[static_cast<size_t>(r)], r);
      stream_.receive(receive, from[static_cast<size_t>(r)], r);
    }
    stream_.end();
  }

  // For what cuda().stream() gets from now on it is done.
  int running() override { return 0; }
  void wait_for_running(int) override {}

  void all_gather(char* data, const Blocks& blocks) override { all_gather_parts(data, {blocks}); }

  void all_gather_parts(char* data, const std::vector<Blocks>& parts) override {
    if (inside_ == ranks_) return gather(data, parts, &Nccl::from_all);
    gather(data, parts, &Nccl::from_other_machines);
    gather(data, parts, &Nccl::from_this_machine);
  }

  void broadcast(char* data, size_t bytes, int root) override {
    stream_.begin("broadcast");
    stream_.broadcast(data, {0, bytes}, root);
    stream_.end();
  }

  void mark(size_t n) override { stream_.mark(n); }
  void beside(size_t n, const std::function<void()>& work) override { stream_.beside(n, work); }
  void join() override { stream_.join(); }

 private:
  void gather(char* data, const std::vector<Blocks>& parts,
              void (Nccl::*part)(char* data, const Blocks& blocks)) {
    stream_.begin("all_gather");
    for (const Blocks& blocks : parts) (this->*part)(data, blocks);
    stream_.end();
  }

  // ncclAllGather where it can: it is one ring, while broadcasts of a group are one for each rank.
  void from_all(char* data, const Blocks& blocks) {
    if (in_a_row(blocks)) return stream_.all_gather(data, blocks);
    for (int r = 0; r < ranks_; ++r) stream_.broadcast(data, blocks[static_cast<size_t>(r)], r);
  }

  // An all-gather on two levels, as gradients are summed (train/rank_sum.h): first among the ranks
  // of the same place on all machines,
  void from_other_machines(char* data, const Blocks& blocks) {
    for (int r = rank_ % inside_; r < ranks_; r += inside_) {
      if (r == rank_) continue;
      stream_.send(data, blocks[static_cast<size_t>(rank_)], r);
      stream_.receive(data, blocks[static_cast<size_t>(r)], r);
    }
  }
  // then, of what those have, among the ranks of this machine.
  void from_this_machine(char* data, const Blocks& blocks) {
    const int place = rank_ % inside_, first = rank_ - place;
    for (int other = 0; other < inside_; ++other) {
      if (other == place) continue;
      for (int machine = 0; machine < ranks_; machine += inside_) {
        stream_.send(data, blocks[static_cast<size_t>(machine + place)], first + other);
        stream_.receive(data, blocks[static_cast<size_t>(machine + other)], first + other);
      }
    }
  }

  int rank_, ranks_, inside_;
  NcclStream stream_;
};

}  // namespace

std::unique_ptr<DeviceCollectives> make_nccl(Communicator& ranks) {
  const std::vector<std::string> hosts = hosts_of(ranks);
  check_devices(ranks, hosts);
  return std::make_unique<Nccl>(ranks, ranks_inside_of(hosts));
}

}  // namespace vicinity
