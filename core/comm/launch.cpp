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
};

constexpr Family kFamilies[] = {
    {"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {"mpirun", "PMI_SIZE", "PMI_RANK"},
    {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
    {"torchrun", "WORLD_SIZE", "RANK"},
};

int number_of(const char* name, const char* text) {
  int value = -1;
  const auto result = std::from_chars(text, text + std::strlen(text), value);
  VIC_CHECK(UsageError, result.ec == std::errc() && *result.ptr == '\0' && value >= 0, name, "=",
            text, " in the environment is not a number of ranks");
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
  const Launch launch{family.by, number_of(family.rank, rank), number_of(family.size, size)};
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

Launch find_launch() {
  return find_launch([](const char* name) { return std::getenv(name); });  // NOLINT
}

}  // namespace vicinity
