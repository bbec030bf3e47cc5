#include "core/comm/rank_watch.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/comm/line_socket.h"

namespace vicinity {
namespace {

using Clock = std::chrono::steady_clock;

int64_t work_of_process() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  int64_t bytes = 0;
  std::ifstream io("/proc/self/io");
  std::string name;
  for (int64_t value = 0; io >> name >> value;)
    if (name == "rchar:" || name == "wchar:") bytes += value;
  return time.tv_sec * 1000 + time.tv_nsec / 1000000 + bytes / (1 << 16);
}

}  // namespace

std::string RankWatch::open(bool local) { return open_watch(local); }

RankWatch::RankWatch(int rank, int size, const std::string& meeting)
    : rank_(rank), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (rank == 0) side_ = make_hub(size);
  if (rank != 0) side_ = make_spoke(rank, meeting);
  thread_ = std::thread([this] { run(*side_); });
}

RankWatch::~RankWatch() {
  leave("it left without a word");
  ::close(wake_);
}

void RankWatch::doing(const char* what, int64_t step, bool waiting) {
  what_ = what;
  step_ = step;
  waiting_ = waiting;
  ++changes_;
}

RankActivity RankWatch::activity() const {
  RankActivity a;
  const int64_t step = step_;
  a.text = step < 0 ? str(what_.load()) : str(what_.load(), " of step ", step);
  a.changes = changes_;
  a.waiting = waiting_;
  a.work = work_of_process();
  return a;
}

void RankWatch::check(double grace) const {
  if (!lost_) return;
  const std::lock_guard lock(mutex_);
  if (lost_one_ended_ && seconds_between(lost_at_, Clock::now()) < grace) return;
  VIC_FAIL(CommError, lost_text_);
}

void RankWatch::set_timeout(double seconds) {
  timeout_ = seconds;
  wake();
}

void RankWatch::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
}

void RankWatch::leave(const std::string& why) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    farewell_ = why.empty() ? "bye" : "failed " + why;
  }
  leaving_ = true;
  wake();
  thread_.join();
}

void RankWatch::lose(const std::string& text, bool ended) {
  const std::lock_guard lock(mutex_);
  lost_one_ended_ = ended;
  lost_text_ = text;
  lost_at_ = Clock::now();
  lost_ = true;
}

// The computing thread may never come to a check().
void RankWatch::end_if_overdue() {
  const double left = (1 - kSilence) * timeout_;
  if (!lost_ || seconds_between(lost_at_, Clock::now()) < left) return;
  log_line(LogLevel::error,
           str(lost_text_, "\n  This rank was at: ", activity().text, ", and is ended"));
  ::_exit(static_cast<int>(ExitCode::rank_lost));
}

void RankWatch::run(WatchSide& side) {
  Clock::time_point last_turn = Clock::now(), last_beat = {};
  for (;;) {
    const double beat = std::clamp(timeout_ / 20, 0.05, 0.25);
    std::vector<int> fds = side.fds();
    fds.push_back(wake_);
    poll_sockets(fds, beat);
    uint64_t wakes = 0;
    [[maybe_unused]] const ssize_t n = ::read(wake_, &wakes, sizeof wakes);
    const Clock::time_point now = Clock::now();
    if (seconds_between(last_turn, now) > beat + kSilence * timeout_ / 2) side.forgive();
    last_turn = now;
    if (seconds_between(last_beat, now) >= beat) {
      side.beat(activity());
      last_beat = now;
    }
    if (!lost_) {
      if (const std::optional<std::string> text = side.look(timeout_)) {
        if (rank_ == 0) side.send("lost " + *text);
        lose(*text, text->find(kEnded) != std::string::npos);
      }
    }
    if (leaving_) {
      side.beat(activity());
      const std::lock_guard lock(mutex_);
      return side.send(farewell_);
    }
    end_if_overdue();
  }
}

}  // namespace vicinity
