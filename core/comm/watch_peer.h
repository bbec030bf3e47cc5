// What a rank tells of itself over the side channel, and what others conclude from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace vicinity {

/// How a line goes on that tells of a rank that ended because of an error.
constexpr const char* kEnded = " has ended: ";
/// Share of the time-out after which a rank is lost; in what remains the others end.
constexpr double kSilence = 0.8;
/// Time-outs after which ranks that all wait for each other are given up.
constexpr double kStandstill = 3;

/// What the computing thread of a rank is at.
struct RankActivity {
  std::string text;      // "backward of step 12"
  uint64_t changes = 0;  // grows with every new one
  int64_t work = 0;  // of the process so far: ms of its cores, and 64 KB read or written for one
  bool waiting = false;  // for the others
};

/// As a line, "at ...", and what follows its first word as an activity.
std::string line_of(const RankActivity& activity);
RankActivity activity_of(const std::string& rest);
/// A line's first word, and what follows it.
std::pair<std::string, std::string> parts_of(const std::string& line);

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to);

/// What is known of another rank.
class WatchPeer {
 public:
  explicit WatchPeer(int rank) : rank_(rank) { forgive(); }

  void hear(const RankActivity& now);
  /// It has said its last word.
  void leave() { left_ = true; }
  bool left() const { return left_; }
  /// All counts from now.
  void forgive();
  /// Why it is lost, if it is.
  std::optional<std::string> judge(double timeout);
  /// That its connection has ended.
  std::string gone() const;
  /// Seconds for which it has waited for others in one and the same collective; 0: it does not.
  double waited() const;
  const std::string& at() const { return last_.text; }

 private:
  using Clock = std::chrono::steady_clock;
  int rank_;
  RankActivity last_{"starting"};
  Clock::time_point heard_, moved_;
  Clock::time_point changed_;  // when it began what it is at
  int64_t work_then_ = 0;
  bool left_ = false;
};

}  // namespace vicinity
