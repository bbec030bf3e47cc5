// The two ends of the side channel: rank 0, the hub, and every other rank, a spoke.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/comm/watch_peer.h"

namespace vicinity {

/// One end of the channel.
class WatchSide {
 public:
  virtual ~WatchSide() = default;
  virtual std::vector<int> fds() const = 0;
  /// Tells the other end what this rank is at.
  virtual void beat(const RankActivity& own) = 0;
  /// Hears what came, and says whether somebody is lost.
  virtual std::optional<std::string> look(double timeout) = 0;
  virtual void send(const std::string& line) = 0;
  /// All count from now: this process has slept.
  virtual void forgive() = 0;
};

/// Begins to listen as rank 0: the text by which other ranks find it. `local`: all are on this
/// machine.
std::string open_watch(bool local);
/// Of rank 0 of `size`, after open_watch.
std::unique_ptr<WatchSide> make_hub(int size);
/// Of every other rank, with rank 0's text. CommError if rank 0 cannot be reached there.
std::unique_ptr<WatchSide> make_spoke(int rank, const std::string& meeting);

}  // namespace vicinity
