// vicinity eval linear: the published grid of linear classifiers on frozen features.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "data/transforms/processor.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "models/weights/save.h"
#include "train/cli/eval_setup.h"
#include "train/cli/export_folder.h"
#include "train/cli/on_ranks.h"
#include "train/cli/verbs.h"
#include "train/probe/linear_probe.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

std::string input_text(const ProbeInput& input, const std::string& family) {
  if (family != "dinov2") return "mean of the map";
  return str("class token", input.blocks > 1 ? str("s of the last ", input.blocks, " layers") : "",
             input.avgpool ? " and mean of the patches" : "");
}

std::string head_text(const ProbeHead& head, const std::string& family, int64_t count) {
  if (head.diverged) return "diverged";
  return str(format_fixed(100.0 * static_cast<double>(head.top1) / static_cast<double>(count), 2),
             " % with ", input_text(head.input, family), ", lr ", format_number(head.base_lr));
}

nlohmann::ordered_json head_json(const ProbeHead& head, int64_t batch) {
  return {{"blocks", head.input.blocks},
          {"avgpool", head.input.avgpool},
          {"lr", head.base_lr},
          {"lr_of_batch", head.base_lr * static_cast<double>(batch) / 256},
          {"top1", head.top1},
          {"top5", head.top5},
          {"diverged", head.diverged}};
}

void print_json(const ProbeResult& result, int64_t training_images, int64_t steps) {
  nlohmann::ordered_json json{{"method", "linear"},
                              {"n", result.report.count()},
                              {"training_images", training_images},
                              {"steps", steps},
                              {"batch", result.batch},
                              {"top1", result.report.top1()},
                              {"top5", result.report.top5()},
                              {"top1_percent", result.report.top1_percent()},
                              {"balanced_percent", result.report.balanced_percent()},
                              {"ece", result.report.ece()},
                              {"best", head_json(result.heads[result.best], result.batch)}};
  for (const ProbeHead& head : result.heads) json["heads"].push_back(head_json(head, result.batch));
  std::cout << json.dump() << "\n";
}

// The best at each input.
std::string table(const ProbeResult& result, const std::string& family) {
  std::string text;
  const ProbeHead* best = &result.heads[0];
  for (size_t i = 0; i < result.heads.size(); ++i) {
    const ProbeHead& head = result.heads[i];
    const bool new_input =
        head.input.end != best->input.end || head.input.begin != best->input.begin;
    if (new_input) text += "  " + head_text(*best, family, result.report.count()) + "\n";
    if (new_input || (!head.diverged && (best->diverged || head.top1 > best->top1))) best = &head;
  }
  return text + "  " + head_text(*best, family, result.report.count()) + "\n";
}

// The best head that the classification model has a place for: on its last layer.
const ProbeHead* best_to_save(const ProbeResult& result) {
  const ProbeHead* best = nullptr;
  for (const ProbeHead& head : result.heads) {
    if (head.input.blocks != 1 || head.diverged) continue;
    if (best == nullptr || head.top1 > best->top1) best = &head;
  }
  return best;
}

// [K, C] in the classifier's [K, width]: what it does not look at gets weight 0.
Tensor widened(const Tensor& weight, int64_t width) {
  std::vector<float> rows(static_cast<size_t>(weight.dim(0) * width), 0.0F);
  for (int64_t k = 0; k < weight.dim(0); ++k) {
    std::copy_n(weight.data<float>() + k * weight.dim(1), weight.dim(1),
                rows.begin() + static_cast<std::ptrdiff_t>(k * width));
  }
  return tensor_of<float>({weight.dim(0), width}, rows);
}

void save(const Arguments& arguments, const EvalSetup& setup, const ProbeResult& result,
          const std::string& out) {
  const ProbeHead* head = best_to_save(result);
  VIC_CHECK(DivergedError, head != nullptr, "--save: no head on the last layer is finite");
  ModelConfig architecture = setup.loaded.config.model.architecture;
  architecture.labels = setup.data.train->class_names();
  architecture.problem_type = "single_label_classification";
  const auto model = make_model(architecture, DType::f32);
  LoadOptions options = load_options(setup.loaded.config.model);
  options.head.clear();
  load_weights(*model, setup.loaded.directory, options);
  for (const Published& p : model->store().published()) {
    if (p.name == "classifier.weight")
      model->store().adopt(model->store().value(), p, widened(head->weight, p.shape[1]));
    if (p.name == "classifier.bias") model->store().adopt(model->store().value(), p, head->bias);
  }
  write_export(out, arguments.has("--overwrite"), "--save", [&](const std::string& folder) {
    export_model(*model, folder, {});
    write_processor(setup.loaded.config.data.transform, folder);
  });
  log_info("saved in ", out, ": ", head_text(*head, architecture.family, result.report.count()),
           head == &result.heads[result.best]
               ? ""
               : ", the best on the last layer alone: the model has no place for more layers");
}

void check_save(const Arguments& arguments, const EvalSetup& setup) {
  const std::string out = arguments.get("--save");
  if (out.empty() || !is_first(setup.comm)) return;
  check_export_folder(out, arguments.has("--overwrite"), "--save");
  check_not_source(out, setup.loaded.described.path, "--save");
}

ProbeResult train_heads(const EvalSetup& setup, ProbeSettings& probe, const LabelledFeatures& train,
                        const LabelledFeatures& val) {
  const auto start = std::chrono::steady_clock::now();
  probe.progress = [&](int64_t step) {
    if (step % 100 == 0) log_progress(str("linear heads: step ", step, " of ", probe.steps));
  };
  const auto classes = static_cast<int64_t>(setup.data.train->class_names().size());
  ProbeResult result =
      linear_probe(train, val, classes,
                   probe_inputs(setup.loaded.config.model.architecture, train.values.dim(1)), probe,
                   setup.device);
  log_progress("");
  log_info(result.heads.size(), " linear heads, ", probe.steps, " steps of ", result.batch,
           " images, in ", format_seconds(seconds_since(start)));
  return result;
}

int evaluate_heads(const Arguments& arguments, Communicator* comm) {
  const EvalSetup setup = open_evaluation(arguments, "eval linear", comm);
  ProbeSettings probe{.steps = arguments.number("--steps", 12500, 1),
                      .batch = arguments.number("--batch", 128, 1),
                      .seed = setup.loaded.config.seed};
  check_save(arguments, setup);
  const ModelConfig& architecture = setup.loaded.config.model.architecture;
  const int blocks = probe_blocks(architecture);
  const auto model = load_model(setup, feature_architecture(architecture, blocks));
  const FeatureSettings settings = feature_settings(setup, arguments, blocks);
  const LabelledFeatures train = labelled_features(*model, *setup.data.train, settings, "training"),
                         val = labelled_features(*model, *setup.data.val, settings, "validation");
  if (!goes_on_alone(setup, "linear heads")) return 0;
  const ProbeResult result = train_heads(setup, probe, train, val);
  const std::string out = arguments.get("--save");
  if (!out.empty()) save(arguments, setup, result, out);
  const EvalSubject subject{.model = setup.loaded.directory, .method = "linear"};
  if (arguments.has("--json")) {
    if (arguments.has("--out"))
      write_eval_files(arguments.get("--out"), result.report, *setup.data.val, subject);
    print_json(result, train.values.dim(0), probe.steps);
    return 0;
  }
  const ProbeHead& best = result.heads[result.best];
  show_evaluation(
      arguments, result.report, *setup.data.val, subject,
      str(setup.loaded.directory, ": linear heads, the best of ", probe.lrs.size(),
          " learning rates for each input\n", table(result, architecture.family),
          "best: ", input_text(best.input, architecture.family), ", lr ",
          format_number(best.base_lr), " x ", result.batch, "/256: ", result.report.text(),
          "\n(chosen on these validation images, as the paper does: a little optimistic)"));
  return 0;
}

}  // namespace

int eval_linear_verb(const Arguments& arguments) { return run_on_ranks(arguments, evaluate_heads); }

}  // namespace vicinity
