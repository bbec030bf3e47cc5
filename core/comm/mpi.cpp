// MPI behind the interface, through the table that its module fills. Collectives are begun and
// asked for, never waited for inside MPI: a rank whose partner is gone can leave.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/base/log.h"
#include "core/comm/communicator.h"
#include "core/comm/module.h"
#include "core/comm/mpi_calls.h"
#include "core/comm/tcp.h"
#include "core/comm/waiting.h"

namespace vicinity {
namespace {

static_assert(sizeof(Block) == sizeof(VicinityBlock));

const VicinityBlock* raw(const Blocks& blocks) {
  return reinterpret_cast<const VicinityBlock*>(blocks.data());
}

// Open MPI's own modules look for its symbols among the global ones.
const VicinityMpiCalls& calls() {
  static const auto* table = table_of_module<VicinityMpiCalls>(
      {.name = "mpi",
       .global = true,
       .wanted = "a launcher has started several ranks",
       .remedy = "Install MPI (Debian: libopenmpi-dev) and build again"});
  return *table;
}

void check_code(int code, const char* what) {
  if (code == 0) return;
  std::array<char, 1024> text{};
  calls().error_text(code, text.data(), text.size());
  VIC_FAIL(CommError, "MPI's ", what, " failed: ", text.data());
}

// Where Open MPI cannot start, it ends the process itself, with advice for those who build it.
void tell_of_pmix(const Launch& launch) {
  if (launch.by == "srun" && launch.rank == 0 && std::getenv("PMIX_NAMESPACE") == nullptr)
    log_warning("srun has started ", launch.size,
                " ranks without PMIx, by which those of Open MPI mostly find each other: if they "
                "do not start, add --mpi=pmix, or start with mpirun");
}

class Mpi : public WatchedRanks {
 public:
  explicit Mpi(const Launch& launch) {
    tell_of_pmix(launch);
    check_code(calls().start(&rank_, &size_), "MPI_Init");
    VIC_CHECK(DeviceError, size_ == launch.size, launch.by, " has started ", launch.size,
              " ranks, but MPI knows of ", size_, ": ",
              launch.by == "srun" ? "add --mpi=pmix, or start with mpirun"
                                  : "it is not the launcher of the MPI that this program was built "
                                    "with");
    open_watch();
  }

  void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                        const Blocks& from) override {
    if (watch_) watch_->check();
    check_code(calls().all_to_all(send, raw(to), receive, raw(from)), "all_to_all");
    ++running_;
  }

  int running() override {
    if (watch_) watch_->check(kGrace);
    check_code(calls().test(&running_), "all_to_all");
    return running_;
  }

  void wait_for_running(int most) override {
    if (running_ > most) wait("all_to_all", most);
  }

  void all_gather(char* data, const Blocks& blocks) override {
    check_idle("all_gather");
    complete(calls().all_gather(data, raw(blocks)), "all_gather");
  }

  void broadcast(char* data, size_t bytes, int root) override {
    constexpr size_t kMost = size_t{1} << 30;  // counts are ints
    for (size_t at = 0; at < bytes; at += kMost) {
      check_idle("broadcast");
      complete(calls().broadcast(data + at, std::min(kMost, bytes - at), root), "broadcast");
    }
  }

  void barrier() override {
    check_idle("barrier");
    complete(calls().barrier(), "barrier");
  }

  void finish() override {
    barrier();
    watch_->doing("end", step_, true);
    watch_->check();
    check_code(calls().finish(), "MPI_Finalize");  // waits for all: watched, unlike what follows
    watch_->leave("");
  }

 private:
  void check_idle(const char* what) const {
    VIC_ASSERT(running_ == 0, what, " while ", running_, " exchanges run");
    if (watch_) watch_->check();
  }

  void complete(int code, const char* what) {
    check_code(code, what);
    wait(what, 0);
  }

  void wait(const char* what, int most) {
    if (watch_) watch_->doing(what, step_, true);
    for (int64_t turn = 0;; ++turn) {
      check_code(calls().test(&running_), what);
      if (running_ <= most) break;
      if (watch_ && turn % 16 == 0) watch_->check(kGrace);
      pause(turn);
    }
    if (watch_) watch_->doing("work after an exchange", step_, false);
  }

  int running_ = 0;  // of those begun, at the last look
};

}  // namespace

std::unique_ptr<Communicator> make_communicator(const Launch& launch, double patience) {
  if (launch.size == 1) return make_single();
  if (launch.by == "torchrun") return make_tcp(launch, patience);
  return std::make_unique<Mpi>(launch);
}

}  // namespace vicinity
