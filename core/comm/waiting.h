// How ranks wait for each other without ever blocking, and find the watch that tells them when to
// stop.
#pragma once

#include <string>

#include "core/comm/communicator.h"
#include "core/comm/rank_watch.h"

namespace vicinity {

/// Seconds that one which has ended because of an error is not yet missed (rank_watch.h).
constexpr double kGrace = 0.5;

/// Between two looks at what is waited for: `turn` counts them. Short waits keep a core busy, long
/// ones leave it to other ranks on the same core.
void pause(int64_t turn);

/// Opens rank 0's watch, and tells all where it is.
std::string meeting_of_watch(Communicator& comm);

}  // namespace vicinity
