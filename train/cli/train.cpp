// vicinity train: trains or fine-tunes a classifier.
#include "train/cli/verbs.h"

#include <csignal>
#include <iostream>

#include "core/base/log.h"
#include "core/base/text.h"
#include "train/cli/load_config.h"
#include "train/run/run.h"

namespace vicinity {
namespace {

std::string model_name(const RunConfig& config) { return config.model.architecture.title(); }

OpenMode mode_of(const Arguments& arguments) {
  VIC_CHECK(UsageError, !(arguments.has("--resume") && arguments.has("--overwrite")),
            "--resume continues a run, --overwrite replaces it: choose one");
  if (arguments.has("--resume")) return OpenMode::resume;
  return arguments.has("--overwrite") ? OpenMode::overwrite : OpenMode::fresh;
}

}  // namespace

int train_verb(const Arguments& arguments) {
  refuse_positional(arguments, "train");
  const OpenMode mode = mode_of(arguments);
  VIC_CHECK(UsageError, mode != OpenMode::resume || arguments.has("--out"),
            "--resume needs --out RUN, the run to continue");
  std::vector<std::string> configs = arguments.all("--config");
  if (mode == OpenMode::resume)
    configs.insert(configs.begin(), arguments.get("--out") + "/config.yaml");
  const RunConfig config = mode == OpenMode::resume
                               ? load_run_config(configs, arguments.overrides)
                               : load_training_config(configs, arguments.overrides);
  const RunDirectory directory(arguments.get("--out", default_run_path(model_name(config))), mode);
  log_to_file(directory.file("train.log"));
  if (mode != OpenMode::resume) {
    directory.write_config(dump_run_config(config));
  }
  directory.write_command(command_words());
  Run run(config, directory, mode == OpenMode::resume);
  const RunResult result = run.train();
  log_to_file("");
  if (result.signal == SIGINT) return static_cast<int>(ExitCode::interrupted);
  if (result.signal == SIGTERM) return static_cast<int>(ExitCode::terminated);
  std::cout << "done: " << directory.path() << "  top-1 " << format_fixed(result.top1, 2)
            << " %  best " << format_fixed(result.best_top1, 2) << " %\n";
  return 0;
}

}  // namespace vicinity
