// Who started this process, and as which of how many: read from the environment.
#pragma once

#include <functional>
#include <string>

namespace vicinity {

struct Launch {
  std::string by;  // mpirun, srun or torchrun; empty: nobody, the process is on its own
  int rank = 0;
  int size = 1;
};

/// A variable of the environment, or nullptr.
using Environment = std::function<const char*(const char*)>;

/// Open MPI's mpirun (OMPI_COMM_WORLD_*), MPICH's and Intel's (PMI_*), srun (SLURM_STEP_NUM_TASKS
/// and SLURM_PROCID: a batch script on its own has no step), torchrun (RANK, WORLD_SIZE), in this
/// order. UsageError where one of them is set in part, naming what is missing, or is not a number.
Launch find_launch(const Environment& environment);
/// Of this process.
Launch find_launch();

}  // namespace vicinity
