#include <cstring>

#include "core/comm/communicator.h"

namespace vicinity {
namespace {

class Single : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                        const Blocks& from) override {
    std::memcpy(receive + from[0].offset, send + to[0].offset, to[0].bytes);
  }
  int running() override { return 0; }
  void wait_for_running(int) override {}
  void all_gather(char*, const Blocks&) override {}
  void broadcast(char*, size_t, int) override {}
  void barrier() override {}
  void finish() override {}
  void abort(const std::string&) noexcept override {}
  void doing(const char*, int64_t) override {}
  void waiting(const char*) override {}
  void set_timeout(double) override {}
};

}  // namespace

std::unique_ptr<Communicator> make_single() { return std::make_unique<Single>(); }

}  // namespace vicinity
