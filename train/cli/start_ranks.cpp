#include "train/cli/start_ranks.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "core/base/log.h"
#include "core/comm/launch.h"
#include "core/ops/transfer.h"
#include "core/runtime/on_device.h"
#include "train/cli/local_ranks.h"
#include "train/run_config.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr int kLost = static_cast<int>(ExitCode::rank_lost);

// When the run there was begun or last given other settings; nothing where there is none.
std::optional<fs::file_time_type> begun_at(const std::string& run) {
  std::error_code none;
  const fs::file_time_type time = fs::last_write_time(run + "/config.yaml", none);
  return none ? std::nullopt : std::optional(time);
}

// What the command says; a configuration file is read by the ranks alone.
double timeout_of(const Arguments& arguments) {
  const std::string key = "train.rank_timeout=";
  double timeout = TrainConfig{}.rank_timeout;
  for (const std::string& word : arguments.overrides)
    if (word.rfind(key, 0) == 0)
      if (const double seconds = std::atof(word.c_str() + key.size()); seconds > 0)
        timeout = seconds;
  return timeout;
}

}  // namespace

RanksWanted ranks_wanted(const Arguments& arguments) {
  const bool gpus = arguments.has("--gpus");
  VIC_CHECK(UsageError, !gpus || !arguments.has("--ranks"),
            "--gpus N starts a rank on each of N GPUs, --ranks N any ranks: choose one");
  VIC_CHECK(UsageError, gpus || arguments.has("--ranks") || !arguments.has("--max-restarts"),
            "--max-restarts goes with --ranks N or --gpus N");
  if (!gpus) return {.ranks = arguments.number("--ranks", 1, 1)};
  const std::string why = why_no_cuda();
  VIC_CHECK(DeviceError, why.empty(), "--gpus: ", why);
  int64_t devices = 0;
  if constexpr (kCudaBuilt) devices = cuda_api::device_count();
  const int64_t ranks =
      arguments.get("--gpus") == "all" ? devices : arguments.number("--gpus", 1, 1);
  VIC_CHECK(DeviceError, ranks <= devices, "--gpus ", ranks, ": this process sees ", devices,
            devices == 1 ? " GPU" : " GPUs", " (CUDA_VISIBLE_DEVICES hides the others?)");
  return {ranks, {"device=cuda"}};
}

int start_ranks(const Arguments& arguments, const RanksWanted& wanted) {
  const Launch launch = find_launch();
  VIC_CHECK(UsageError, launch.by.empty(), wanted.settings.empty() ? "--ranks" : "--gpus",
            " starts ranks itself; this process was started by ", launch.by, ", so leave it out");
  const int64_t restarts = arguments.number("--max-restarts", 0, 0);
  VIC_CHECK(UsageError, restarts == 0 || arguments.has("--out"),
            "--max-restarts resumes a run: it needs --out RUN");
  RankCodes codes;
  LocalRanks ranks(wanted, timeout_of(arguments), codes);
  // Ranks that were lost before they took the folder have left another run there, perhaps.
  const auto before = begun_at(arguments.get("--out"));
  int code = ranks.run(false);
  for (int64_t i = 1; i <= restarts && code == kLost && ranks.passed_on() == 0; ++i) {
    const bool begun = begun_at(arguments.get("--out")) != before;
    log_warning("a rank was lost; the run is ", begun ? "resumed" : "begun again", ", restart ", i,
                " of ", restarts);
    code = ranks.run(begun);
  }
  return code;
}

}  // namespace vicinity
