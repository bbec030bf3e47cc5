// Who started this process, and as which of how many: read from the environment.
#pragma once

#include <functional>
#include <string>

namespace vicinity {

struct Launch {
  std::string by;  // mpirun, srun or torchrun; empty: nobody, the process is on its own
  int rank = 0;
  int size = 1;
  int local_rank = -1;         // among those of its machine; -1: not said
  std::string local_variable;  // that says it
};

/// A variable of the environment, or nullptr.
using Environment = std::function<const char*(const char*)>;

/// Open MPI's mpirun (OMPI_COMM_WORLD_*), MPICH's and Intel's (PMI_*), srun (SLURM_STEP_NUM_TASKS
/// and SLURM_PROCID: a batch script on its own has no step), torchrun (RANK, WORLD_SIZE), in this
/// order. UsageError where one of them is set in part, naming what is missing, or is not a number.
Launch find_launch(const Environment& environment);
/// Of this process.
Launch find_launch();

/// Where ranks meet that torchrun has started.
struct MeetingPlace {
  std::string address;
  int port = 0;
};
/// MASTER_ADDR and MASTER_PORT; the port after that where torchrun itself listens on it
/// (TORCHELASTIC_USE_AGENT_STORE). UsageError where one is missing or no port.
MeetingPlace find_meeting_place(const Environment& environment);
MeetingPlace find_meeting_place();

}  // namespace vicinity
