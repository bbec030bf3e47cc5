#include "train/cli/on_ranks.h"

#include "core/base/log.h"
#include "train/cli/rank_codes.h"
#include "train/cli/start_ranks.h"

namespace vicinity {
namespace {

// MPI, by which CPU ranks speak, knows nothing of torchrun's processes.
double patience_with(const Launch& launch, const std::optional<double>& of_gpus) {
  VIC_CHECK(UsageError, launch.by != "torchrun" || of_gpus,
            "torchrun starts ranks that MPI does not know of, and on CPUs ranks speak MPI. Type "
            "mpirun -np ",
            launch.size, " vicinity VERB ..., or vicinity VERB --ranks ", launch.size,
            " ...; vicinity train speaks NCCL with device=cuda");
  return of_gpus.value_or(0);
}

int run_as_rank(const Arguments& arguments, const Launch& launch, const RankWork& work,
                const GpuPatience& patience) {
  log_as_rank(launch.rank);
  RankCodeReport report(launch.rank);
  std::unique_ptr<Communicator> comm;
  try {
    const bool asks = patience && launch.by == "torchrun";
    comm =
        make_communicator(launch, patience_with(launch, asks ? patience(arguments) : std::nullopt));
    report.met();
    const int code = work(arguments, comm.get());
    comm->finish();
    report.set(code);
    return code;
  } catch (const Error& error) {
    if (comm) comm->abort(error.user_text());
    report.set(static_cast<int>(error.exit_code()));
    throw;
  }
}

}  // namespace

int run_on_ranks(const Arguments& arguments, const RankWork& work, const GpuPatience& patience) {
  const RanksWanted wanted = ranks_wanted(arguments);
  if (wanted.ranks > 1) return start_ranks(arguments, wanted);
  Arguments own = arguments;
  for (const std::string& setting : wanted.settings) own.overrides.push_back(setting);
  const Launch launch = find_launch();
  return launch.size == 1 ? work(own, nullptr) : run_as_rank(own, launch, work, patience);
}

}  // namespace vicinity
