#include "train/cli/on_ranks.h"

#include "core/base/log.h"
#include "train/cli/rank_codes.h"
#include "train/cli/start_ranks.h"

namespace vicinity {
namespace {

int run_as_rank(const Arguments& arguments, const Launch& launch, const RankWork& work) {
  log_as_rank(launch.rank);
  RankCodeReport report(launch.rank);
  std::unique_ptr<Communicator> comm;
  try {
    comm = make_communicator(launch);
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

int run_on_ranks(const Arguments& arguments, const RankWork& work) {
  if (arguments.number("--ranks", 1, 1) > 1) return start_ranks(arguments);
  const Launch launch = find_launch();
  return launch.size == 1 ? work(arguments, nullptr) : run_as_rank(arguments, launch, work);
}

}  // namespace vicinity
