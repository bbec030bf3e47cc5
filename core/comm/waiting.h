// How ranks wait for each other without ever blocking, and find the watch that tells them when to
// stop.
#pragma once

#include <optional>
#include <string>

#include "core/comm/communicator.h"
#include "core/comm/rank_watch.h"

namespace vicinity {

/// Seconds that one which has ended because of an error is not yet missed (rank_watch.h).
constexpr double kGrace = 0.5;

/// Between two looks at what is waited for: `turn` counts them. Short waits keep a core busy, long
/// ones leave it to other ranks on the same core.
void pause(int64_t turn);

/// Ranks with a watch over them: what is the same for all that carry their messages.
class WatchedRanks : public Communicator {
 public:
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void abort(const std::string& why) noexcept override;
  void doing(const char* what, int64_t step) override;
  void waiting(const char* what) override;
  void set_timeout(double seconds) override { watch_->set_timeout(seconds); }

 protected:
  /// Once ranks can tell each other something: meets the others at the watch.
  void open_watch();

  int rank_ = 0, size_ = 1;
  int64_t step_ = -1;
  std::optional<RankWatch> watch_;  // not yet while ranks meet

 private:
  const char* waiting_ = nullptr;  // what was last told to waiting()
};

}  // namespace vicinity
