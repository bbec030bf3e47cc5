#include "core/comm/launch.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

struct Family {
  const char* by;
  const char* size;
  const char* rank;
  const char* local_rank;
};

constexpr Family kFamilies[] = {
    {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"mpirun", "PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID"},
    {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID"},
    {"torchrun", "WORLD_SIZE", "RANK", "LOCAL_RANK"},
};

int number_of(const char* name, const char* text) {
  int value = -1;
  const auto result = std::from_chars(text, text + std::strlen(text), value);
  VIC_CHECK(UsageError, result.ec == std::errc() && *result.ptr == '\0' && value >= 0, name, "=",
            text, " in the environment is not a number");
  return value;
}

// SLURM sets SLURM_PROCID for batch scripts too.
bool is_there(const Family& family, const Environment& environment) {
  const bool size = environment(family.size) != nullptr, rank = environment(family.rank) != nullptr;
  return size || (rank && std::string(family.by) != "srun");
}

Launch read(const Family& family, const Environment& environment) {
  const char* size = environment(family.size);
  const char* rank = environment(family.rank);
  VIC_CHECK(UsageError, size != nullptr && rank != nullptr, "the environment of ", family.by,
            " is set in part: ", size == nullptr ? family.rank : family.size, " is there, ",
            size == nullptr ? family.size : family.rank, " is missing. Start the program by ",
            family.by, ", or unset it");
  const char* local = environment(family.local_rank);
  const Launch launch{family.by, number_of(family.rank, rank), number_of(family.size, size),
                      local == nullptr ? -1 : number_of(family.local_rank, local),
                      family.local_rank};
  VIC_CHECK(UsageError, launch.rank < launch.size, family.rank, "=", launch.rank,
            " in the environment is not below ", family.size, "=", launch.size);
  return launch;
}

}  // namespace

Launch find_launch(const Environment& environment) {
  for (const Family& family : kFamilies)
    if (is_there(family, environment)) return read(family, environment);
  return {};
}

MeetingPlace find_meeting_place(const Environment& environment) {
  const char *address = environment("MASTER_ADDR"), *port = environment("MASTER_PORT");
  VIC_CHECK(UsageError, address != nullptr && port != nullptr,
            "the environment of torchrun is set in part: ",
            address == nullptr ? "MASTER_ADDR" : "MASTER_PORT",
            " is missing, where ranks meet. Start the program by torchrun --no-python, or set it");
  const char* agent = environment("TORCHELASTIC_USE_AGENT_STORE");
  const bool taken = agent != nullptr && std::string(agent) == "True";
  const MeetingPlace place{address, number_of("MASTER_PORT", port) + (taken ? 1 : 0)};
  VIC_CHECK(UsageError, place.port > 0 && place.port < 65536, "MASTER_PORT=", port,
            " in the environment leaves no TCP port to meet on");
  return place;
}

namespace {
const char* variable(const char* name) { return std::getenv(name); }  // NOLINT
}  // namespace

Launch find_launch() { return find_launch(variable); }
MeetingPlace find_meeting_place() { return find_meeting_place(variable); }

}  // namespace vicinity
