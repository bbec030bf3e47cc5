// VERB --ranks N, train --gpus N: starts N ranks of this command on this machine, by mpirun.
#pragma once

#include "train/cli/mpirun.h"
#include "train/cli/verbs.h"

namespace vicinity {

/// Of --ranks, or of --gpus, with device=cuda. DeviceError where there are not so many GPUs.
RanksWanted ranks_wanted(const Arguments& arguments);

/// Waits for them; passes SIGINT, SIGTERM and SIGUSR1 on, so that they save and leave. Returns the
/// exit code of the run: that of the ranks, or 6 where one of them was killed. After a lost rank it
/// starts them again, resumed, up to --max-restarts times. UsageError under a launcher.
int start_ranks(const Arguments& arguments, const RanksWanted& wanted);

}  // namespace vicinity
