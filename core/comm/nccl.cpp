#include "core/comm/nccl.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <exception>
#include <vector>

#include "core/base/text.h"
#include "core/comm/module.h"
#include "core/comm/nccl_calls.h"
#include "core/comm/waiting.h"
#include "core/runtime/cuda.h"

namespace vicinity {
namespace {

using Clock = std::chrono::steady_clock;

const VicinityNcclCalls& calls() {
  static const auto* table = table_of_module<VicinityNcclCalls>(
      {.name = "nccl",
       .wanted = "several ranks have GPUs, which speak NCCL",
       .remedy = "Install NCCL where the CUDA toolkit is (nccl.h, libnccl.so) and build again, or "
                 "set device=cpu"});
  return *table;
}

// Two ranks of one machine may not have the same GPU, and NCCL does not say so clearly.
void check_devices(Communicator& ranks) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const cuda_api::DeviceInfo& info = cuda().info();
  const std::string own = str(host.data(), "\n", info.uuid);
  const std::vector<std::string> all = ranks.all_gather_texts(own);
  int here = 0, other = -1;
  for (int r = 0; r < ranks.size(); ++r) {
    const std::string& text = all[static_cast<size_t>(r)];
    here += starts_with(text, str(host.data(), "\n"));
    if (r != ranks.rank() && text == own) other = r;
  }
  VIC_CHECK(DeviceError, other < 0, "ranks ", std::min(other, ranks.rank()), " and ",
            std::max(other, ranks.rank()), " have the same GPU (", info.name, "): on ", host.data(),
            " are ", here, " ranks, and this one sees ", cuda_api::device_count(),
            cuda_api::device_count() == 1 ? " GPU" : " GPUs",
            ". Start as many ranks as there are GPUs");
}

class Nccl : public DeviceCollectives, private cuda_api::Patience {
 public:
  explicit Nccl(Communicator& ranks) : ranks_(ranks), errors_(std::uncaught_exceptions()) {
    check_devices(ranks);
    std::string id(kVicinityNcclIdBytes, '\0');
    if (ranks.rank() == 0) check_code(calls().unique_id(id.data()), "ncclGetUniqueId");
    id = ranks.broadcast_text(id);
    stream_ = cuda_api::create_stream();
    ready_ = cuda_api::create_event();
    done_ = cuda_api::create_event();
    before_ = ready_;
    what_ = "meeting";
    complete(calls().start(&comm_, ranks.size(), id.data(), ranks.rank()),
             "ncclCommInitRankConfig");
    cuda_api::set_patience(this);
  }

  // Where all went well NCCL may still have to send what other ranks wait for.
  ~Nccl() override {
    if (std::uncaught_exceptions() == errors_ && comm_ != nullptr) {
      try {
        cuda_api::synchronize(stream_);
        complete(calls().finalize(comm_), "ncclCommFinalize");
        calls().destroy(comm_);
        comm_ = nullptr;
      } catch (const Error&) {
        // The next call of the communicator says the same.
      }
    }
    abort();
    cuda_api::set_patience(nullptr);
    cuda_api::destroy(ready_);
    for (const cuda_api::Event mark : marks_) cuda_api::destroy(mark);
    cuda_api::destroy(done_);
    cuda_api::destroy(stream_);
  }

  void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                        const Blocks& from) override {
    begin("all_to_all");
    for (int r = 0; r < ranks_.size(); ++r) {
      const Block &out = to[static_cast<size_t>(r)], &in = from[static_cast<size_t>(r)];
      if (out.bytes > 0)
        check_code(calls().send(send + out.offset, out.bytes, r, comm_, stream_), "ncclSend");
      if (in.bytes > 0)
        check_code(calls().receive(receive + in.offset, in.bytes, r, comm_, stream_), "ncclRecv");
    }
    end();
  }

  // For what cuda().stream() gets from now on it is done.
  int running() override { return 0; }
  void wait_for_running(int) override {}

  void all_gather(char* data, const Blocks& blocks) override { all_gather_parts(data, {blocks}); }

  void all_gather_parts(char* data, const std::vector<Blocks>& parts) override {
    begin("all_gather");
    for (const Blocks& blocks : parts) enqueue_all_gather(data, blocks);
    end();
  }

  void broadcast(char* data, size_t bytes, int root) override {
    begin("broadcast");
    enqueue_broadcast(data, bytes, root);
    end();
  }

  void mark(size_t n) override {
    while (marks_.size() <= n) marks_.push_back(cuda_api::create_event());
    cuda_api::record_for_others(marks_[n], cuda().stream());
  }

  void beside(size_t n, const std::function<void()>& work) override {
    before_ = marks_.at(n);
    cuda_api::wait(stream_, before_);
    cuda().on_stream(stream_, work);
  }

  void join() override {
    cuda_api::record(done_, stream_);
    cuda_api::wait(cuda().stream(), done_);
  }

 private:
  void enqueue_broadcast(char* data, size_t bytes, int root) {
    check_code(calls().broadcast(data, bytes, root, comm_, stream_), "ncclBroadcast");
  }

  // ncclAllGather where it can: it is one ring, while broadcasts of a group are one for each rank.
  void enqueue_all_gather(char* data, const Blocks& blocks) {
    const size_t bytes = blocks[0].bytes;
    bool alike = true;
    for (size_t r = 0; r < blocks.size(); ++r)
      alike &= blocks[r].bytes == bytes && blocks[r].offset == blocks[0].offset + r * bytes;
    if (alike) {
      const char* own = data + blocks[static_cast<size_t>(ranks_.rank())].offset;
      check_code(calls().all_gather(own, data + blocks[0].offset, bytes, comm_, stream_),
                 "ncclAllGather");
      return;
    }
    for (size_t r = 0; r < blocks.size(); ++r) {
      if (blocks[r].bytes > 0)
        enqueue_broadcast(data + blocks[r].offset, blocks[r].bytes, static_cast<int>(r));
    }
  }

  // After the work that cuda().stream() has so far, beside what it gets from now on.
  void begin(const char* what) {
    look(nullptr);
    what_ = what;
    if (cuda().stream() != stream_) {
      before_ = ready_;
      cuda_api::record(ready_, cuda().stream());
      cuda_api::wait(stream_, ready_);
    }
    check_code(calls().group_start(), "ncclGroupStart");
  }

  // What cuda().stream() gets from now on comes after it.
  void end() {
    complete(calls().group_end(), "ncclGroupEnd");
    if (cuda().stream() != stream_) join();
  }

  void check_code(int code, const char* call) {
    if (code == 0 || code == kVicinityNcclInProgress) return;
    std::array<char, 1024> text{};
    calls().error_text(code, comm_, text.data(), text.size());
    name_the_lost();
    VIC_FAIL(CommError, "NCCL's ", call, " failed: ", text.data(),
             ". NCCL_DEBUG=INFO in the environment tells more");
  }

  // NCCL may notice that a rank is gone before the watch does, which knows what it was at.
  void name_the_lost() {
    const Clock::time_point until = Clock::now() + std::chrono::seconds(2);
    for (int64_t turn = 0; Clock::now() < until; ++turn) {
      ranks_.waiting(what_);
      pause(turn);
    }
  }

  // Waits until NCCL has taken what it was given.
  void complete(int code, const char* call) {
    check_code(code, call);
    for (int64_t turn = 0; calls().async_error(comm_) == kVicinityNcclInProgress; ++turn) {
      if (turn % kTurnsOfLook == 0) look(what_);
      pause(turn);
    }
    look(nullptr);
  }

  // CommError once a rank is lost or NCCL has failed; what is on its way is given up then, and the
  // device ends it.
  void look(const char* waiting_for) {
    try {
      ranks_.waiting(waiting_for);
      VIC_CHECK(CommError, comm_ != nullptr, "NCCL was given up after an error");
      check_code(calls().async_error(comm_), what_);
    } catch (...) {
      abort();
      throw;
    }
  }

  void abort() noexcept {
    if (comm_ != nullptr) calls().abort(comm_);
    comm_ = nullptr;
  }

  // This rank waits for others where its own work before the last collective is done, and that is
  // not; else its device computes.
  void turn() override {
    if (turns_ % kTurnsOfLook == 0) {
      const bool others = cuda_api::done(before_) && !cuda_api::done(done_);
      look(others ? what_ : nullptr);
    }
    pause(turns_++);
  }
  void over() override {
    if (turns_ > 0) ranks_.waiting(nullptr);
    turns_ = 0;
  }

  static constexpr int64_t kTurnsOfLook = 16;

  Communicator& ranks_;
  int errors_;  // on their way when this began
  void* comm_ = nullptr;
  cuda_api::Stream stream_ = nullptr;
  cuda_api::Event ready_ = nullptr, done_ = nullptr;
  std::vector<cuda_api::Event> marks_;
  cuda_api::Event before_ = nullptr;  // ready_ or a mark: what the last collective waits for
  const char* what_ = "";
  int64_t turns_ = 0;
};

}  // namespace

std::unique_ptr<DeviceCollectives> make_nccl(Communicator& ranks) {
  return std::make_unique<Nccl>(ranks);
}

std::string nccl_version() {
  std::array<char, 64> text{};
  calls().version(text.data(), text.size());
  return text.data();
}

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

}  // namespace vicinity
