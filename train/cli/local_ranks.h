// Ranks of one command on this machine, from their start to their end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <vector>

#include "train/cli/mpirun.h"
#include "train/cli/rank_codes.h"

namespace vicinity {

/// Until ranks have met they do not watch each other (core/comm/rank_watch.h), so this does.
class LocalRanks {
 public:
  /// `timeout`: seconds after which a rank that is stopped at the start is lost. `codes`: where
  /// ranks leave theirs; it must outlive this.
  LocalRanks(RanksWanted wanted, double timeout, RankCodes& codes);
  ~LocalRanks();
  LocalRanks(const LocalRanks&) = delete;
  LocalRanks& operator=(const LocalRanks&) = delete;

  /// Starts them and waits for them. The exit code of the run.
  int run(bool again);
  /// The last signal that was passed on, or 0.
  int passed_on() const { return passed_on_; }

 private:
  using Clock = std::chrono::steady_clock;

  void watch();
  void note(const std::vector<pid_t>& processes);
  std::vector<int> gone_of(const std::vector<pid_t>& processes) const;
  std::vector<int> absent(const std::vector<pid_t>& processes) const;
  std::optional<int> silent_of(const std::vector<int>& gone) const;
  void end_if_unwatched(const std::vector<pid_t>& processes, std::optional<int> silent);
  void end_if_one_is_stopped(const std::vector<pid_t>& processes);
  bool failed() const;
  int code_of_run(int code_of_mpirun) const;
  void tell_of_the_silent(const std::map<int, int>& codes) const;

  int64_t ranks_;
  RanksWanted wanted_;
  double timeout_;  // seconds
  RankCodes& codes_;
  sigset_t signals_;
  pid_t mpirun_ = 0;
  int pending_ = 0, passed_on_ = 0;
  std::map<pid_t, int> seen_;                   // processes so far, with their ranks
  std::map<pid_t, Clock::time_point> stopped_;  // since when
  int turns_with_few_ = 0;
  bool told_ = false;
};

}  // namespace vicinity
