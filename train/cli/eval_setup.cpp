#include "train/cli/eval_setup.h"

#include <cstdlib>
#include <iostream>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "core/runtime/profile.h"
#include "models/registry.h"
#include "models/weights/load.h"
#include "train/cli/columns.h"
#include "train/cli/list_progress.h"
#include "train/run/agreement.h"
#include "train/run/setup.h"

namespace vicinity {
namespace {

constexpr size_t kMostClasses = 50;
constexpr size_t kMostMistakes = 5;

std::string model_argument(const Arguments& arguments, const std::string& verb) {
  const ConfigTree tree = run_config_tree(arguments.all("--config"), arguments.overrides);
  const ConfigEntry* weights = tree.find("model.weights");
  const size_t given = arguments.positional.size();
  VIC_CHECK(UsageError, given == 1 || (given == 0 && weights != nullptr), "vicinity ", verb,
            " takes one run or model directory (or model.weights=...), got ", given);
  return given == 1 ? arguments.positional[0] : weights->text;
}

std::string default_cache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const bool named = cache != nullptr && *cache == '/';
  if (!named && (home == nullptr || *home != '/')) return "";
  const std::string folder = named ? str(cache, "/vicinity") : str(home, "/.cache/vicinity");
  try {
    make_directories(folder);
  } catch (const IoError& error) {
    log_warning("features are not kept: ", error.message());
    return "";
  }
  return folder;
}

std::string percent(double value) {
  return padded_left(value == value ? format_fixed(value, 1) : "-", 7);
}

void print_classes(const EvalReport& report, const std::vector<std::string>& names) {
  if (names.size() > kMostClasses) return;
  std::cout << "  " << padded("class", 24) << " recall  precision  n\n";
  const std::vector<ClassReport> classes = report.per_class();
  for (size_t i = 0; i < names.size(); ++i) {
    const ClassReport& c = classes[i];
    if (c.count == 0 && c.predicted == 0) continue;
    std::cout << "  " << padded(names[i], 23) << " " << percent(c.recall()) << "    "
              << percent(c.precision()) << "  " << c.count << "\n";
  }
}

void print_worst(const EvalReport& report, const Source& source) {
  const std::vector<Prediction> worst = report.worst(kMostMistakes);
  if (worst.empty()) return;
  std::cout << "  most confident mistakes:\n";
  for (const Prediction& p : worst) {
    std::cout << "    " << source.name(p.index) << ": "
              << source.class_names()[static_cast<size_t>(p.label)] << " taken for "
              << source.class_names()[static_cast<size_t>(p.guess)] << " ("
              << format_fixed(100 * p.confidence, 1) << " %)\n";
  }
}

}  // namespace

EvalSetup open_evaluation(const Arguments& arguments, const std::string& verb, Communicator* comm) {
  EvalSetup setup;
  setup.comm = comm;
  setup.path = model_argument(arguments, verb);
  if (is_first(comm) && arguments.has("--out"))
    check_eval_directory(arguments.get("--out"), arguments.has("--overwrite"));
  setup.loaded = load_model_config(setup.path, arguments.all("--config"), arguments.overrides);
  RunConfig& config = setup.loaded.config;
  check_channels(config.model.architecture);
  setup.threads_alone = config.threads > 0 ? config.threads : cpu().threads();
  if (comm != nullptr) {
    agree_at_start(config, *comm);
    take_share(config, *comm);
  }
  if (config.threads > 0) cpu().set_threads(config.threads);
  setup.data = open_data(config.data.source, config.seed);
  setup.device = device_of(config.device, comm);
  setup.act = activation_dtype(config.train.precision, setup.device);
  return setup;
}

void agree_on_model(const EvalSetup& setup, const Model& model) {
  if (setup.comm != nullptr) agree(*setup.comm, facts_of_parts(setup.data, model, setup.act));
}

bool goes_on_alone(const EvalSetup& setup, const char* what) {
  if (!is_first(setup.comm)) return false;
  cpu().set_threads(setup.threads_alone);
  if (setup.comm != nullptr) setup.comm->doing(what, -1);
  return true;
}

std::unique_ptr<Model> load_model(const EvalSetup& setup, const ModelConfig& architecture) {
  auto model = make_model(architecture, DType::f32, setup.device);
  load_weights(*model, setup.loaded.directory, load_options(setup.loaded.config.model));
  agree_on_model(setup, *model);
  if (setup.act == DType::bf16) model->store().enable_copies();
  return model;
}

FeatureSettings feature_settings(const EvalSetup& setup, const Arguments& arguments, int blocks) {
  const RunConfig& config = setup.loaded.config;
  const std::string given = arguments.get("--cache");
  return {.blocks = blocks,
          .transform = config.data.transform,
          .upright = config.data.source.exif == "apply",
          .root = config.data.source.root,
          .act = setup.act,
          .batch = std::min<int64_t>(config.train.micro_batch, 256),
          .loader_threads = config.data.loader_threads,
          .cache = given == "none" || !is_first(setup.comm) ? ""
                   : given.empty()                          ? default_cache()
                                                            : given,
          .comm = setup.comm};
}

LabelledFeatures labelled_features(const Model& model, const Source& source,
                                   FeatureSettings settings, const std::string& what) {
  const auto start = std::chrono::steady_clock::now();
  const auto progress = std::make_shared<ListProgress>(static_cast<size_t>(source.size()));
  settings.progress = [progress](int64_t done) { progress->show(static_cast<size_t>(done)); };
  const Features features = features_of(model, source, settings);
  log_progress("");
  if (!features.values.defined()) return {{}, features.labels};
  const std::string kept = features.file.empty() ? "" : str(", kept in ", features.file);
  log_info("features of ", format_count(source.size()), " ", what, " images, ",
           features.values.dim(1), " numbers each, ",
           features.reused ? str("from ", features.file)
                           : str("in ", format_seconds(seconds_since(start)), kept));
  return {features.values, features.labels};
}

void show_evaluation(const Arguments& arguments, const EvalReport& report, const Source& source,
                     const EvalSubject& subject, const std::string& headline) {
  if (arguments.has("--out")) write_eval_files(arguments.get("--out"), report, source, subject);
  if (arguments.has("--json")) {
    std::cout << eval_json(report, source, subject) << "\n";
    return;
  }
  std::cout << headline << "\n";
  print_classes(report, source.class_names());
  print_worst(report, source);
  if (arguments.has("--out"))
    std::cout << "wrote " << arguments.get("--out")
              << "/{eval.json,predictions.csv,per_class.csv,confusion.csv}\n";
}

}  // namespace vicinity
