// A verb whose work many ranks share.
#pragma once

#include <functional>
#include <optional>

#include "core/comm/communicator.h"
#include "train/cli/verbs.h"

namespace vicinity {

/// What a rank does, or a process on its own, which has no communicator. Returns the exit code.
using RankWork = std::function<int(const Arguments&, Communicator*)>;

/// Where the work is that of GPUs: seconds that ranks wait for each other to come.
using GpuPatience = std::function<std::optional<double>(const Arguments&)>;

/// With --ranks N or --gpus N starts N ranks of this command and waits for them (start_ranks.h);
/// under a launcher takes part as one of its ranks; else works alone. However a rank ends, the
/// others learn of it. Returns the exit code. UsageError under torchrun, unless GPUs work.
int run_on_ranks(const Arguments& arguments, const RankWork& work,
                 const GpuPatience& patience = {});

}  // namespace vicinity
