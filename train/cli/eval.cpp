// vicinity eval: exact accuracy of a run or a model directory on validation images.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "models/registry.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

// Labels mean the same thing only if the names agree in order.
void check_classes(const ModelConfig& model, const std::vector<std::string>& data) {
  const std::vector<std::string>& names = model.labels;
  VIC_CHECK(DataError, names.size() == data.size(), "the model knows ", names.size(),
            " classes, the data has ", data.size());
  for (size_t i = 0; i < names.size(); ++i) {
    VIC_CHECK(DataError, names[i] == data[i], "class ", i, " of the model is '", names[i],
              "', of the data '", data[i], "'");
  }
}

nlohmann::json to_json(const EvalReport& report, const std::vector<std::string>& names) {
  nlohmann::json classes = nlohmann::json::array();
  for (size_t i = 0; i < names.size(); ++i) {
    classes.push_back(
        {{"name", names[i]}, {"n", report.class_count[i]}, {"correct", report.class_correct[i]}});
  }
  return {{"n", report.count},
          {"top1", report.top1},
          {"top5", report.top5},
          {"top1_percent", report.top1_percent()},
          {"loss", report.loss_sum / static_cast<double>(report.count)},
          {"classes", classes},
          {"confusion", report.confusion}};
}

void print_classes(const EvalReport& report, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size() && names.size() <= 50; ++i) {
    if (report.class_count[i] == 0) continue;
    const double share = 100.0 * static_cast<double>(report.class_correct[i]) /
                         static_cast<double>(report.class_count[i]);
    std::cout << "  " << names[i]
              << std::string(names[i].size() < 24 ? 24 - names[i].size() : 1, ' ')
              << format_fixed(share, 1) << " %  (" << report.class_correct[i] << " of "
              << report.class_count[i] << ")\n";
  }
}

}  // namespace

int eval_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, arguments.positional.size() == 1,
            "vicinity eval takes one run or model directory, got ", arguments.positional.size());
  const std::string& path = arguments.positional[0];
  LoadedModel loaded = load_model_config(path, arguments.all("--config"), arguments.overrides);
  if (loaded.config.threads > 0) cpu().set_threads(loaded.config.threads);
  const DataSets data = open_data(loaded.config.data.source, loaded.config.seed);
  check_classes(loaded.config.model.architecture, data.val->class_names());
  const Device device = device_of(loaded.config.device);
  const auto model = make_model(loaded.config.model.architecture, DType::f32, device);
  load_weights(*model, loaded.directory, load_options(loaded.config.model));
  const DType act = activation_dtype(loaded.config.train.precision, device);
  if (act == DType::bf16) model->store().enable_copies();
  Loader loader(*data.val, loaded.config.data.transform, LoaderMode::eval,
                std::min<int64_t>(loaded.config.train.micro_batch, 256),
                {.threads = loaded.config.data.loader_threads, .seed = loaded.config.seed});
  const EvalReport report =
      evaluate(*model, loader, normalization_of(loaded.config.data.transform), act);
  const nlohmann::json json = to_json(report, data.val->class_names());
  if (arguments.has("--json")) {
    std::cout << json.dump() << "\n";
    return 0;
  }
  std::cout << loaded.directory << ": " << report.text() << "\n";
  print_classes(report, data.val->class_names());
  return 0;
}

}  // namespace vicinity
