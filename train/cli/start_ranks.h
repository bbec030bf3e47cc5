// VERB --ranks N: starts N ranks of this command on this machine, by mpirun.
#pragma once

#include "train/cli/verbs.h"

namespace vicinity {

/// Waits for them; passes SIGINT, SIGTERM and SIGUSR1 on, so that they save and leave. Returns the
/// exit code of the run: that of the ranks, or 6 where one of them was killed. After a lost rank it
/// starts them again, resumed, up to --max-restarts times. UsageError under a launcher.
int start_ranks(const Arguments& arguments);

}  // namespace vicinity
