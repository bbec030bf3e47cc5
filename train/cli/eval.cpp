// vicinity eval: exact accuracy of a run or a model directory on validation images.
#include "data/loader.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "train/cli/eval_setup.h"
#include "train/cli/on_ranks.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

// Labels mean the same thing only if the names agree in order.
void check_classes(const ModelConfig& model, const std::vector<std::string>& data) {
  const std::vector<std::string>& names = model.labels;
  const char* remedy =
      "; give data of the model's classes, or train on these with model.weights=, which brings a "
      "new "
      "classifier";
  VIC_CHECK(DataError, names.size() == data.size(), "the model knows ", names.size(),
            " classes, the data has ", data.size(), remedy);
  for (size_t i = 0; i < names.size(); ++i) {
    VIC_CHECK(DataError, names[i] == data[i], "class ", i, " of the model is '", names[i],
              "', of the data '", data[i], "'", remedy);
  }
}

int evaluate_model(const Arguments& arguments, Communicator* comm) {
  const EvalSetup setup = open_evaluation(arguments, "eval", comm);
  const RunConfig& config = setup.loaded.config;
  check_has_classifier(setup.loaded);
  check_classes(config.model.architecture, setup.data.val->class_names());
  const auto model = make_inference_model(config.model.architecture, setup.act, setup.device);
  load_weights(*model, setup.loaded.directory, load_options(config.model));
  agree_on_model(setup, *model);
  const int64_t batch = std::min<int64_t>(config.train.micro_batch, 256);
  const LoaderConfig loading{.threads = config.data.loader_threads, .seed = config.seed};
  Loader loader(*setup.data.val, config.data.transform, LoaderMode::eval,
                batch_of_ranks(batch, comm), share_of_rank(loading, batch, comm));
  EvalReport report =
      evaluate(*model, loader, normalization_of(config.data.transform), setup.act, [&] {
        if (comm != nullptr) comm->doing("evaluation", -1);
      });
  if (comm != nullptr) report = merge_reports(*comm, report);
  if (!is_first(comm)) return 0;
  const std::string& where = setup.loaded.directory;
  show_evaluation(arguments, report, *setup.data.val, {.model = where},
                  where + ": " + report.text());
  return 0;
}

}  // namespace

int eval_verb(const Arguments& arguments) { return run_on_ranks(arguments, evaluate_model); }

}  // namespace vicinity
