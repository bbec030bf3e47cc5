// MPI behind the interface, through the table that its module fills. Collectives are begun and
// asked for, never waited for inside MPI: a rank whose partner is gone can leave.
#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "core/base/text.h"
#include "core/comm/communicator.h"
#include "core/comm/mpi_calls.h"
#include "core/comm/rank_watch.h"

namespace vicinity {
namespace {

static_assert(sizeof(Block) == sizeof(VicinityBlock));

const VicinityBlock* raw(const Blocks& blocks) {
  return reinterpret_cast<const VicinityBlock*>(blocks.data());
}

// The module lies beside the program, or where it is installed.
void* open_module() {
  namespace fs = std::filesystem;
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  std::string why = "it is not there: this program was built without MPI";
  for (const fs::path& path : {here / "libvicinity_mpi.so",
                               here / ".." / VICINITY_LIBDIR / "vicinity" / "libvicinity_mpi.so"}) {
    if (!fs::exists(path)) continue;
    // Open MPI's own modules look for its symbols among the global ones.
    if (void* module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) return module;
    why = ::dlerror();
  }
  VIC_FAIL(DeviceError,
           "a launcher has started several ranks, but libvicinity_mpi.so cannot be "
           "used: ",
           why, ". Install MPI (Debian: libopenmpi-dev) and build again");
}

const VicinityMpiCalls& calls() {
  static const VicinityMpiCalls* table = [] {
    using Entry = const VicinityMpiCalls* (*)();
    const auto entry = reinterpret_cast<Entry>(::dlsym(open_module(), "vicinity_mpi_calls"));
    VIC_ASSERT(entry != nullptr, "libvicinity_mpi.so without its table");
    return entry();
  }();
  return *table;
}

void check_code(int code, const char* what) {
  if (code == 0) return;
  std::array<char, 1024> text{};
  calls().error_text(code, text.data(), text.size());
  VIC_FAIL(CommError, "MPI's ", what, " failed: ", text.data());
}

// Shorter waits keep a core busy, longer ones leave it to other ranks on the same core.
void pause(int64_t turn) {
  constexpr int64_t kSpin = 2000;
  if (turn < kSpin) {
    ::sched_yield();
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

class Mpi : public Communicator {
 public:
  explicit Mpi(const Launch& launch) {
    check_code(calls().start(&rank_, &size_), "MPI_Init");
    VIC_CHECK(DeviceError, size_ == launch.size, launch.by, " has started ", launch.size,
              " ranks, but MPI knows of ", size_, ": ",
              launch.by == "srun" ? "add --mpi=pmix, or start with mpirun"
                                  : "it is not the launcher of the MPI that this program was built "
                                    "with");
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::vector<std::string> hosts = all_gather_texts(host.data());
    const bool local = std::count(hosts.begin(), hosts.end(), hosts[0]) == size_;
    watch_.emplace(rank_, size_, broadcast_text(rank_ == 0 ? RankWatch::open(local) : ""));
    barrier();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void all_to_all(const char* send, const Blocks& to, char* receive, const Blocks& from) override {
    begin("all_to_all");
    wait(calls().all_to_all(send, raw(to), receive, raw(from)), "all_to_all");
  }

  void all_gather(char* data, const Blocks& blocks) override {
    begin("all_gather");
    wait(calls().all_gather(data, raw(blocks)), "all_gather");
  }

  void broadcast(char* data, size_t bytes, int root) override {
    constexpr size_t kMost = size_t{1} << 30;  // counts are ints
    for (size_t at = 0; at < bytes; at += kMost) {
      begin("broadcast");
      wait(calls().broadcast(data + at, std::min(kMost, bytes - at), root), "broadcast");
    }
  }

  void barrier() override {
    begin("barrier");
    wait(calls().barrier(), "barrier");
  }

  void finish() override {
    barrier();
    begin("end");
    check_code(calls().finish(), "MPI_Finalize");  // waits for all: watched, unlike what follows
    watch_->leave("");
  }

  void abort(const std::string& why) noexcept override {
    if (watch_) watch_->leave(why);
  }

  void doing(const char* what, int64_t step) override {
    watch_->doing(what, step, false);
    step_ = step;
    watch_->check();
  }

  void set_timeout(double seconds) override { watch_->set_timeout(seconds); }

 private:
  void begin(const char* what) {
    if (!watch_) return;
    watch_->doing(what, step_, true);
    watch_->check();
  }

  void wait(int code, const char* what) {
    constexpr double kGrace = 0.5;
    check_code(code, what);
    for (int64_t turn = 0;; ++turn) {
      int done = 0;
      check_code(calls().test(&done), what);
      if (done != 0) break;
      if (watch_ && turn % 16 == 0) watch_->check(kGrace);
      pause(turn);
    }
    if (watch_) watch_->doing("work after an exchange", step_, false);
  }

  int rank_ = 0, size_ = 1;
  int64_t step_ = -1;
  std::optional<RankWatch> watch_;
};

}  // namespace

std::unique_ptr<Communicator> make_communicator(const Launch& launch) {
  if (launch.size == 1) return make_single();
  VIC_CHECK(UsageError, launch.by != "torchrun",
            "torchrun starts ranks that MPI does not know of, and on CPUs ranks speak MPI. Type "
            "mpirun -np ",
            launch.size, " vicinity VERB ..., or vicinity VERB --ranks ", launch.size, " ...");
  return std::make_unique<Mpi>(launch);
}

}  // namespace vicinity
