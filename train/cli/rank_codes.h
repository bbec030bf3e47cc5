// The exit codes of ranks, for the process that has started them (start_ranks.h): mpirun tells one
// of them only, and none where it lets survivors finish.
#pragma once

#include <map>
#include <set>
#include <string>

#include "core/base/error.h"

namespace vicinity {

/// A file that each rank appends its number to, when it has met the others and, with its code, when
/// it ends; named to them by VICINITY_RANK_CODES.
class RankCodes {
 public:
  /// IoError if no temporary file can be made.
  RankCodes();
  ~RankCodes();
  RankCodes(const RankCodes&) = delete;
  RankCodes& operator=(const RankCodes&) = delete;

  /// By rank, those that have ended in their own words.
  std::map<int, int> read() const;
  /// Those that have met the others, who watch them from then on (core/comm/rank_watch.h).
  std::set<int> met() const;
  void clear() const;

 private:
  std::string path_;
};

/// Of one rank: tells its code when it goes out of scope; 1 unless another was set. Does nothing
/// where nobody asked.
class RankCodeReport {
 public:
  explicit RankCodeReport(int rank) : rank_(rank) {}
  ~RankCodeReport();
  RankCodeReport(const RankCodeReport&) = delete;
  RankCodeReport& operator=(const RankCodeReport&) = delete;
  void set(int code) { code_ = code; }
  /// Of a rank that has met the others.
  void met() const;

 private:
  void tell(const std::string& word) const;

  int rank_, code_ = static_cast<int>(ExitCode::runtime);
};

}  // namespace vicinity
