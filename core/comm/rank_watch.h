// A side channel beside the collectives, by which ranks notice that one of them is gone or stuck,
// and say which and at what. A thread in each rank, TCP to rank 0; it calls neither MPI nor an op.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/comm/watch_side.h"

namespace vicinity {

/// Signs of life. A rank is lost when its connection ends without a farewell (its process is gone),
/// when nothing came from it for 0.8 of the time-out (stopped, or its machine is), or when for as
/// long it began nothing new, computed, read and wrote next to nothing, and did not wait for others
/// (stuck, for example on a file system that does not answer); all are, when each has waited for
/// the others for three time-outs without going on. Rank 0 then tells all, and check()
/// throws; a process that has not come to a check() by the end of the time-out is ended with
/// code 6. A process that was itself stopped counts from when it goes on.
class RankWatch {
 public:
  /// Rank 0's part: the text by which other ranks find it. `local`: all are on this machine.
  static std::string open(bool local);
  /// Of every rank, with rank 0's text. CommError if rank 0 cannot be reached there.
  RankWatch(int rank, int size, const std::string& meeting);
  ~RankWatch();
  RankWatch(const RankWatch&) = delete;
  RankWatch& operator=(const RankWatch&) = delete;

  /// `what`: a literal. `step` below 0: of no step. `waiting`: for other ranks.
  void doing(const char* what, int64_t step, bool waiting);
  void set_timeout(double seconds);
  /// CommError if a rank was lost. `grace`: seconds in which one that has ended because of an error
  /// is not yet missed, since others may be about to meet the same error.
  void check(double grace = 0) const;
  /// The last word of this rank; with `why` it ends because of an error, which the others are told.
  void leave(const std::string& why);

 private:
  void run(WatchSide& side);
  void wake() const;
  void lose(const std::string& text, bool ended);
  void end_if_overdue();
  RankActivity activity() const;

  int rank_;
  std::atomic<double> timeout_{60};
  std::atomic<const char*> what_{"starting"};
  std::atomic<int64_t> step_{-1};
  std::atomic<uint64_t> changes_{0};
  std::atomic<bool> waiting_{false};

  std::atomic<bool> lost_{false}, leaving_{false};
  mutable std::mutex mutex_;  // of the texts
  std::string lost_text_, farewell_;
  bool lost_one_ended_ = false;
  std::chrono::steady_clock::time_point lost_at_;
  int wake_;  // eventfd: a farewell does not wait for the next beat
  std::unique_ptr<WatchSide> side_;
  std::thread thread_;
};

}  // namespace vicinity
