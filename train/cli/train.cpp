// vicinity train: trains or fine-tunes a classifier.
#include "train/cli/verbs.h"

#include <filesystem>
#include <iostream>
#include <optional>

#include "core/base/log.h"
#include "core/config/config_dump.h"
#include "train/cli/load_config.h"
#include "train/cli/on_ranks.h"
#include "train/run/agreement.h"
#include "train/run/resume.h"
#include "train/run/run.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

std::string model_name(const RunConfig& config) { return config.model.architecture.title(); }

// --resume where no run was begun yet, but settings are given, begins it: one command for a job
// that a cluster starts again and again.
OpenMode mode_of(const Arguments& arguments) {
  VIC_CHECK(UsageError, !(arguments.has("--resume") && arguments.has("--overwrite")),
            "--resume continues a run, --overwrite replaces it: choose one");
  if (arguments.has("--overwrite")) return OpenMode::overwrite;
  if (!arguments.has("--resume")) return OpenMode::fresh;
  VIC_CHECK(UsageError, arguments.has("--out"), "--resume needs --out RUN, the run to continue");
  const bool settings = !arguments.overrides.empty() || arguments.has("--config");
  if (RunDirectory::holds_run(arguments.get("--out")) || !settings) return OpenMode::resume;
  log_info("--resume: no run was begun in '", arguments.get("--out"), "' yet: it begins");
  return OpenMode::fresh;
}

int run_new(const Arguments& arguments, OpenMode mode, Communicator* comm);
int run_on(const Arguments& arguments, Communicator* comm);
int finish(const RunDirectory& directory, Run& run);

int train_as(const Arguments& arguments, Communicator* comm) {
  const OpenMode mode = mode_of(arguments);
  return mode == OpenMode::resume ? run_on(arguments, comm) : run_new(arguments, mode, comm);
}

RunConfig config_of(const Arguments& arguments, bool resume) {
  const std::vector<std::string> configs = arguments.all("--config");
  if (!resume) return load_training_config(configs, arguments.overrides);
  return load_resumed_config(arguments.get("--out") + "/config.yaml", configs, arguments.overrides);
}

// Where ranks compute on GPUs.
std::optional<double> gpu_patience_of(const Arguments& arguments) {
  const bool resume = arguments.has("--resume") && RunDirectory::holds_run(arguments.get("--out"));
  const RunConfig config = config_of(arguments, resume);
  if (device_of(config.device) == kCpu) return std::nullopt;
  return config.train.rank_timeout;
}

// What a run starts from must outlive its start.
void check_not_replaced(const std::string& key, const std::string& path, const std::string& out) {
  if (path.empty()) return;
  std::error_code ignored;
  const fs::path inside =
      fs::weakly_canonical(path, ignored).lexically_relative(fs::weakly_canonical(out, ignored));
  VIC_CHECK(UsageError, inside.empty() || *inside.begin() == "..", "--overwrite: ", key, " = '",
            path, "' lies in --out '", out, "', which would be replaced; choose another --out");
}

// Before anything is written.
void check_config(const RunConfig& config, Communicator* comm) {
  if (comm == nullptr) return;
  agree_at_start(config, *comm);
  share_leaves(config.train.batch, config.train.micro_batch, comm->size());
}

}  // namespace

int train_verb(const Arguments& arguments) {
  refuse_positional(arguments, "train");
  return run_on_ranks(arguments, train_as, gpu_patience_of);
}

namespace {

int run_new(const Arguments& arguments, OpenMode mode, Communicator* comm) {
  const RunConfig config = config_of(arguments, /*resume=*/false);
  check_config(config, comm);
  std::string out = arguments.get("--out", default_run_path(model_name(config)));
  if (comm != nullptr) out = comm->broadcast_text(out);
  if (mode == OpenMode::overwrite) {
    check_not_replaced("model.weights", config.model.weights, out);
    check_not_replaced("model.head", config.model.head, out);
  }
  RunDirectory directory(out, is_first(comm) ? mode : OpenMode::observe);
  ResolvedConfig resolved = resolve_config(arguments.all("--config"), arguments.overrides);
  directory.write_config(dump_config(resolved.config, &resolved.tree));
  directory.write_command(command_words());
  if (is_first(comm)) log_to_file(directory.file("train.log"));
  Run run(config, directory, /*resume=*/false, comm);
  directory.started();
  return finish(directory, run);
}

int run_on(const Arguments& arguments, Communicator* comm) {
  RunDirectory directory(arguments.get("--out"),
                         is_first(comm) ? OpenMode::resume : OpenMode::observe);
  const RunConfig before = load_run_config({directory.file("config.yaml")}, {});
  const RunConfig config = config_of(arguments, /*resume=*/true);
  const std::vector<SettingChange> changes = setting_changes(before, config);
  check_changes(changes);
  check_length(changes, config.train);
  check_config(config, comm);
  if (const auto done = directory.done_text(); done && !change_length(changes)) {
    log_info("this run is finished; train.epochs=N or train.steps=N trains it longer",
             config.train.patience > 0 ? ", train.patience=0 where its patience ended it" : "");
    if (is_first(comm)) std::cout << "done: " << directory.path() << "  " << *done << "\n";
    return 0;
  }
  directory.write_command(command_words());
  if (is_first(comm)) log_to_file(directory.file("train.log"));
  Run run(config, directory, /*resume=*/true, comm);
  directory.started();
  for (const SettingChange& change : changes)
    log_info("resumed with changed settings: ", change.text());
  if (!changes.empty()) {
    RunConfig resumed = config;
    ConfigTree origins = resumed_config_tree(directory.file("config.yaml"),
                                             arguments.all("--config"), arguments.overrides);
    directory.write_config(dump_config(resumed, &origins));
  }
  return finish(directory, run);
}

int finish(const RunDirectory& directory, Run& run) {
  const RunResult result = run.train();
  log_to_file("");
  if (result.signal != 0) return 128 + result.signal;  // ExitCode: interrupted, terminated, requeue
  if (run.parts().is_first())
    std::cout << "done: " << directory.path() << "  " << result.text() << "\n";
  return 0;
}

}  // namespace
}  // namespace vicinity
