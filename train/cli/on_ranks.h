// A verb whose work many ranks share.
#pragma once

#include <functional>

#include "core/comm/communicator.h"
#include "train/cli/verbs.h"

namespace vicinity {

/// What a rank does, or a process on its own, which has no communicator. Returns the exit code.
using RankWork = std::function<int(const Arguments&, Communicator*)>;

/// With --ranks N starts N ranks of this command and waits for them (start_ranks.h); under a
/// launcher takes part as one of its ranks; else works alone. However a rank ends, the others learn
/// of it. Returns the exit code.
int run_on_ranks(const Arguments& arguments, const RankWork& work);

}  // namespace vicinity
