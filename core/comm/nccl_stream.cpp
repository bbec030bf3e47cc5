#include "core/comm/nccl_stream.h"

#include <array>
#include <chrono>
#include <exception>

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

constexpr int64_t kTurnsOfLook = 16;

}  // namespace

NcclStream::NcclStream(Communicator& ranks) : ranks_(ranks), errors_(std::uncaught_exceptions()) {
  std::string id(kVicinityNcclIdBytes, '\0');
  if (ranks.rank() == 0) check_code(calls().unique_id(id.data()), "ncclGetUniqueId");
  id = ranks.broadcast_text(id);
  stream_ = cuda_api::create_stream();
  ready_ = cuda_api::create_event();
  done_ = cuda_api::create_event();
  before_ = ready_;
  what_ = "meeting";
  complete(calls().start(&comm_, ranks.size(), id.data(), ranks.rank()), "ncclCommInitRankConfig");
  cuda_api::set_patience(this);
}

// Where all went well NCCL may still have to send what other ranks wait for.
NcclStream::~NcclStream() {
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

// After the work that cuda().stream() has so far, beside what it gets from now on.
void NcclStream::begin(const char* what) {
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
void NcclStream::end() {
  complete(calls().group_end(), "ncclGroupEnd");
  if (cuda().stream() != stream_) join();
}

void NcclStream::send(const char* data, const Block& block, int to) {
  if (block.bytes == 0) return;
  check_code(calls().send(data + block.offset, block.bytes, to, comm_, stream_), "ncclSend");
}

void NcclStream::receive(char* data, const Block& block, int from) {
  if (block.bytes == 0) return;
  check_code(calls().receive(data + block.offset, block.bytes, from, comm_, stream_), "ncclRecv");
}

void NcclStream::broadcast(char* data, const Block& block, int root) {
  if (block.bytes == 0) return;
  check_code(calls().broadcast(data + block.offset, block.bytes, root, comm_, stream_),
             "ncclBroadcast");
}

void NcclStream::all_gather(char* data, const Blocks& blocks) {
  const Block& own = blocks[static_cast<size_t>(ranks_.rank())];
  check_code(
      calls().all_gather(data + own.offset, data + blocks[0].offset, own.bytes, comm_, stream_),
      "ncclAllGather");
}

void NcclStream::mark(size_t n) {
  while (marks_.size() <= n) marks_.push_back(cuda_api::create_event());
  cuda_api::record_for_others(marks_[n], cuda().stream());
}

void NcclStream::beside(size_t n, const std::function<void()>& work) {
  before_ = marks_.at(n);
  cuda_api::wait(stream_, before_);
  cuda().on_stream(stream_, work);
}

void NcclStream::join() {
  cuda_api::record(done_, stream_);
  cuda_api::wait(cuda().stream(), done_);
}

void NcclStream::check_code(int code, const char* call) {
  if (code == 0 || code == kVicinityNcclInProgress) return;
  std::array<char, 1024> text{};
  calls().error_text(code, comm_, text.data(), text.size());
  name_the_lost();
  VIC_FAIL(CommError, "NCCL's ", call, " failed: ", text.data(),
           ". NCCL_DEBUG=INFO in the environment tells more");
}

// NCCL may notice that a rank is gone before the watch does, which knows what it was at.
void NcclStream::name_the_lost() {
  const Clock::time_point until = Clock::now() + std::chrono::seconds(2);
  for (int64_t turn = 0; Clock::now() < until; ++turn) {
    ranks_.waiting(what_);
    pause(turn);
  }
}

// Waits until NCCL has taken what it was given.
void NcclStream::complete(int code, const char* call) {
  check_code(code, call);
  for (int64_t turn = 0; calls().async_error(comm_) == kVicinityNcclInProgress; ++turn) {
    if (turn % kTurnsOfLook == 0) look(what_);
    pause(turn);
  }
  look(nullptr);
}

// CommError once a rank is lost or NCCL has failed; what is on its way is given up then, and the
// device ends it.
void NcclStream::look(const char* waiting_for) {
  try {
    ranks_.waiting(waiting_for);
    VIC_CHECK(CommError, comm_ != nullptr, "NCCL was given up after an error");
    check_code(calls().async_error(comm_), what_);
  } catch (...) {
    abort();
    throw;
  }
}

void NcclStream::abort() noexcept {
  if (comm_ != nullptr) calls().abort(comm_);
  comm_ = nullptr;
}

// This rank waits for others where its own work before the last collective is done, and that is
// not; else its device computes.
void NcclStream::turn() {
  if (turns_ % kTurnsOfLook == 0) {
    const bool others = cuda_api::done(before_) && !cuda_api::done(done_);
    look(others ? what_ : nullptr);
  }
  pause(turns_++);
}
void NcclStream::over() {
  if (turns_ > 0) ranks_.waiting(nullptr);
  turns_ = 0;
}

std::string nccl_version() {
  std::array<char, 64> text{};
  calls().version(text.data(), text.size());
  return text.data();
}

}  // namespace vicinity
