#include "train/cli/local_ranks.h"

#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "train/cli/rank_processes.h"

namespace vicinity {
namespace {

constexpr int kLost = static_cast<int>(ExitCode::rank_lost);
constexpr int kTurnsWithFew = 100;  // mpirun starts its ranks in one go

// The others have given it up, and mpirun would wait for it.
void end_stopped(const std::vector<pid_t>& ranks) {
  for (const pid_t rank : ranks)
    if (is_stopped(rank)) kill(rank, SIGKILL);
}

}  // namespace

LocalRanks::LocalRanks(RanksWanted wanted, double timeout, RankCodes& codes)
    : ranks_(wanted.ranks), wanted_(std::move(wanted)), timeout_(timeout), codes_(codes) {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD}) sigaddset(&signals_, signal);
  sigprocmask(SIG_BLOCK, &signals_, nullptr);
}

LocalRanks::~LocalRanks() { sigprocmask(SIG_UNBLOCK, &signals_, nullptr); }

int LocalRanks::run(bool again) {
  codes_.clear();
  seen_.clear();
  stopped_.clear();
  told_ = false;
  mpirun_ = start_mpirun(wanted_, again, signals_);
  int status = 0;
  while (waitpid(mpirun_, &status, WNOHANG) == 0) watch();
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  VIC_CHECK(DeviceError, code != kNoMpirun,
            "ranks of one machine are started by mpirun, which is not in PATH or does not start "
            "(Debian: openmpi-bin)");
  return code_of_run(code);
}

// Some time of waiting, in which signals go to the ranks themselves.
void LocalRanks::watch() {
  const bool met = static_cast<int64_t>(codes_.met().size()) == ranks_;
  const timespec pause{.tv_sec = 0, .tv_nsec = met ? 200'000'000 : 20'000'000};
  const int signal = sigtimedwait(&signals_, nullptr, &pause);
  if (signal > 0 && signal != SIGCHLD) pending_ = passed_on_ = signal;
  const std::vector<pid_t> ranks = children_of(mpirun_);
  for (const pid_t rank : ranks)
    if (pending_ != 0) kill(rank, pending_);
  if (!ranks.empty()) pending_ = 0;
  note(ranks);
  const std::vector<int> gone = gone_of(ranks);
  const std::optional<int> silent = silent_of(gone);
  if (failed() || silent) end_stopped(ranks);
  if (!gone.empty()) end_if_unwatched(ranks, silent);
  // One may come and go between two looks.
  const bool few = !met && !ranks.empty() && static_cast<int64_t>(ranks.size()) < ranks_;
  turns_with_few_ = few ? turns_with_few_ + 1 : 0;
  if (turns_with_few_ > kTurnsWithFew) end_if_unwatched(ranks, silent_of(absent(ranks)));
  if (!met) end_if_one_is_stopped(ranks);
}

void LocalRanks::note(const std::vector<pid_t>& processes) {
  for (const pid_t process : processes)
    if (seen_.count(process) == 0)
      if (const int rank = rank_of(process); rank >= 0) seen_[process] = rank;
}

std::vector<int> LocalRanks::gone_of(const std::vector<pid_t>& processes) const {
  std::vector<int> gone;
  for (const auto& [process, rank] : seen_)
    if (std::find(processes.begin(), processes.end(), process) == processes.end())
      gone.push_back(rank);
  return gone;
}

std::vector<int> LocalRanks::absent(const std::vector<pid_t>& processes) const {
  std::vector<int> all;
  for (int rank = 0; rank < ranks_; ++rank)
    if (std::none_of(processes.begin(), processes.end(),
                     [&](pid_t process) { return rank_of(process) == rank; }))
      all.push_back(rank);
  return all;
}

// One that did not tell its code: killed, or ended by its watch.
std::optional<int> LocalRanks::silent_of(const std::vector<int>& gone) const {
  const std::map<int, int> codes = codes_.read();
  for (const int rank : gone)
    if (codes.count(rank) == 0) return rank;
  return std::nullopt;
}

// Until ranks have met they do not watch each other, and MPI_Init waits for a lost one for ever.
void LocalRanks::end_if_unwatched(const std::vector<pid_t>& processes, std::optional<int> silent) {
  if (static_cast<int64_t>(codes_.met().size()) == ranks_) return;
  if (silent && passed_on_ == 0 && !std::exchange(told_, true))
    log_line(LogLevel::error, str("rank ", *silent,
                                  " is gone, its process has ended; it was at: the start, where "
                                  "ranks meet"));
  for (const pid_t process : processes) kill(process, SIGKILL);
}

// As the watch does, once ranks have met.
void LocalRanks::end_if_one_is_stopped(const std::vector<pid_t>& processes) {
  const Clock::time_point now = Clock::now();
  for (const pid_t process : processes) {
    if (!is_stopped(process)) {
      stopped_.erase(process);
      continue;
    }
    const auto since = stopped_.emplace(process, now).first->second;
    const double seconds = std::chrono::duration<double>(now - since).count();
    if (seconds < timeout_ || std::exchange(told_, true)) continue;
    log_line(LogLevel::error,
             str("rank ", rank_of(process), " has been stopped for ", format_fixed(seconds, 1),
                 " s; it was at: the start, where ranks meet"));
    for (const pid_t each : processes) kill(each, SIGKILL);
  }
}

bool LocalRanks::failed() const {
  for (const auto& [rank, code] : codes_.read())
    if (code != 0) return true;
  return false;
}

// What is not the loss of another rank says why the run has ended.
int LocalRanks::code_of_run(int code_of_mpirun) const {
  const std::map<int, int> codes = codes_.read();
  int worst = 0;
  for (const auto& [rank, code] : codes) {
    if (code != 0 && code != kLost) return code;
    worst = std::max(worst, code);
  }
  const bool all = static_cast<int64_t>(codes.size()) == ranks_;
  if (!all && passed_on_ != 0) return 128 + passed_on_;
  if (codes.empty() && code_of_mpirun != 0) return code_of_mpirun;
  if (!all && !codes.empty() && worst == 0) tell_of_the_silent(codes);
  return all ? worst : kLost;
}

// The others had finished, and watched it no more.
void LocalRanks::tell_of_the_silent(const std::map<int, int>& codes) const {
  for (int rank = 0; rank < ranks_; ++rank)
    if (codes.count(rank) == 0)
      log_line(LogLevel::error,
               str("rank ", rank, " is gone, its process has ended; it was at: the end"));
}

}  // namespace vicinity
