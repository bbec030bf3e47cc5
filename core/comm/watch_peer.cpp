#include "core/comm/watch_peer.h"

#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

// Of the time-out: what is known of a rank is older than its last beats.
constexpr double kLate = 0.15;
constexpr double kLeastWork = 0.05;  // of the time, for a process that is not stuck

}  // namespace

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string line_of(const RankActivity& a) {
  return str("at ", a.changes, " ", a.work, " ", a.waiting, " ", a.text);
}

RankActivity activity_of(const std::string& rest) {
  RankActivity a;
  std::istringstream in(rest);
  in >> a.changes >> a.work >> a.waiting;
  in.get();
  std::getline(in, a.text);
  return a;
}

std::pair<std::string, std::string> parts_of(const std::string& line) {
  const size_t space = line.find(' ');
  if (space == std::string::npos) return {line, ""};
  return {line.substr(0, space), line.substr(space + 1)};
}

void WatchPeer::hear(const RankActivity& now) {
  heard_ = Clock::now();
  if (now.changes != last_.changes) changed_ = heard_;
  if (now.changes != last_.changes || now.waiting) {
    moved_ = heard_;
    work_then_ = now.work;
  }
  last_ = now;
}

void WatchPeer::forgive() { heard_ = moved_ = changed_ = Clock::now(); }

double WatchPeer::waited() const {
  return last_.waiting ? seconds_between(changed_, Clock::now()) : 0;
}

std::optional<std::string> WatchPeer::judge(double timeout) {
  if (left_) return std::nullopt;
  const Clock::time_point now = Clock::now();
  const double limit = kSilence * timeout;
  const double silent = seconds_between(heard_, now);
  if (silent > limit) {
    return str("rank ", rank_, " has given no sign of life for ", format_fixed(silent, 1),
               " s (stopped, or its machine is); it was at: ", last_.text);
  }
  const double still = seconds_between(moved_, now);
  if (still <= limit || silent > kLate * timeout) return std::nullopt;
  if (static_cast<double>(last_.work - work_then_) > kLeastWork * still * 1000) {
    moved_ = now;  // a long computation
    work_then_ = last_.work;
    return std::nullopt;
  }
  return str("rank ", rank_, " is stuck: nothing new for ", format_fixed(still, 1),
             " s; it is at: ", last_.text);
}

std::string WatchPeer::gone() const {
  return str("rank ", rank_, " is gone, its process has ended; it was at: ", last_.text);
}

}  // namespace vicinity
