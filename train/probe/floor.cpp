#include "train/probe/floor.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "models/registry.h"
#include "train/probe/features.h"
#include "train/probe/knn.h"
#include "train/probe/linear_probe.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostImages = 20000;
constexpr double kForwardShare = 1.0 / 3;  // of a training step's work
constexpr double kMostOfTheRun = 0.1;

FeatureSettings settings_of(const RunConfig& config, DType act, int blocks) {
  return {.blocks = blocks,
          .transform = config.data.transform,
          .act = act,
          .batch = std::min<int64_t>(config.train.micro_batch, 256),
          .loader_threads = config.data.loader_threads};
}

Floor knn_floor(const RunConfig& config, const Model& model, const DataSets& data, DType act) {
  const FeatureSettings settings = settings_of(config, act, 0);
  const Features train = features_of(model, *data.train, settings),
                 val = features_of(model, *data.val, settings);
  // The published number of neighbours, alone.
  const std::vector<int64_t> all = neighbour_counts(data.train->size());
  const int64_t k = all[headline_of(all)];
  const auto classes = static_cast<int64_t>(data.train->class_names().size());
  const EvalReport report = knn({train.values, train.labels}, {val.values, val.labels}, classes,
                                {k}, model.store().value().device())[0];
  return {"knn", k, report.top1(), report.count()};
}

// The same weights with the outputs that linear classifiers read.
std::unique_ptr<Model> frozen_copy(const Model& model, int blocks, DType act) {
  auto copy = make_model(feature_architecture(model.config(), blocks), DType::f32,
                         model.store().value().device());
  std::map<std::string, Tensor> tensors;
  for (const NamedTensor& t : model.store().publish(model.store().value()))
    tensors[t.name] = t.tensor;
  for (const Published& entry : copy->store().published())
    copy->store().adopt(copy->store().value(), entry, tensors.at(entry.name));
  if (act == DType::bf16) copy->store().enable_copies();
  return copy;
}

Floor linear_floor(const RunConfig& config, const Model& model, const DataSets& data, DType act) {
  const int blocks = probe_blocks(model.config());
  const std::unique_ptr<Model> frozen = frozen_copy(model, blocks, act);
  const FeatureSettings settings = settings_of(config, act, blocks);
  const Features train = features_of(*frozen, *data.train, settings),
                 val = features_of(*frozen, *data.val, settings);
  ProbeSettings probe{.seed = config.seed};
  probe.progress = [&](int64_t step) {
    if (step % 100 == 0) log_progress(str("linear heads: step ", step, " of ", probe.steps));
  };
  const ProbeResult result = linear_probe({train.values, train.labels}, {val.values, val.labels},
                                          static_cast<int64_t>(data.train->class_names().size()),
                                          probe_inputs(model.config(), train.values.dim(1)), probe,
                                          frozen->store().value().device());
  log_progress("");
  return {"linear", static_cast<int64_t>(result.heads.size()), result.report.top1(),
          result.report.count()};
}

std::string describe(const Floor& floor) {
  return floor.method == "linear"
             ? str("the best of ", floor.of, " linear classifiers on the frozen weights")
             : str("the votes of the ", floor.of, " nearest training images");
}

void write(const Floor& floor, const std::string& file) {
  make_directories(fs::path(file).parent_path().string());
  write_file_atomically(file,
                        nlohmann::ordered_json{{"method", floor.method},
                                               {floor.method == "knn" ? "k" : "heads", floor.of},
                                               {"top1", floor.top1},
                                               {"n", floor.count},
                                               {"top1_percent", floor.percent()}}
                                .dump() +
                            "\n");
}

Floor read(const std::string& file) {
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  VIC_CHECK(DataError, json.is_object() && json.value("n", 0) > 0, "'", file,
            "' is damaged; without it the run goes on, but for the comparison at its end");
  const std::string method = json.value("method", "knn");
  return {method, json.value(method == "knn" ? "k" : "heads", 0), json.value("top1", 0),
          json.value("n", 0)};
}

}  // namespace

bool wants_floor(const RunConfig& config, const DataSets& data, int64_t steps) {
  if (config.train.floor != "auto") return config.train.floor != "none";
  const auto images = static_cast<double>(data.train->size() + data.val->size());
  const double work = static_cast<double>(steps) * static_cast<double>(config.train.batch);
  return !config.model.weights.empty() && data.train->size() <= kMostImages &&
         kForwardShare * images <= kMostOfTheRun * work;
}

std::optional<Floor> find_floor(const RunConfig& config, const Model& model, const DataSets& data,
                                DType act, int64_t done, int64_t steps, const std::string& file) {
  if (!wants_floor(config, data, steps)) return {};
  if (fs::exists(file)) return read(file);
  if (done > 0) return {};
  const auto start = std::chrono::steady_clock::now();
  const Floor floor = config.train.floor == "linear" ? linear_floor(config, model, data, act)
                                                     : knn_floor(config, model, data, act);
  write(floor, file);
  log_info("floor      before training, top-1 of ", describe(floor), " is ",
           format_fixed(floor.percent(), 2), " % (", format_count(floor.top1), " of ",
           format_count(floor.count), "), in ", format_seconds(seconds_since(start)),
           "; train.floor=none leaves this out");
  return floor;
}

void compare_with_floor(const std::optional<Floor>& floor, double best_percent,
                        const RunConfig& config) {
  if (!floor) return;
  const std::string best = format_fixed(best_percent, 2), base = format_fixed(floor->percent(), 2);
  if (best_percent >= floor->percent()) {
    log_info("floor      the best top-1 of this run, ", best, " %, is ",
             format_fixed(best_percent - floor->percent(), 2), " points above that of ",
             describe(*floor), " before training, ", base, " %");
    return;
  }
  const std::string weights = config.model.weights.empty() ? "" : config.model.weights;
  log_warning("the best top-1 of this run, ", best, " %, is below the floor, ", base, " %: what ",
              describe(*floor),
              " gave before it. Training has lost more than it learnt. Try "
              "optim.lr=",
              format_number(config.optim.lr / 10),
              " (a tenth of this run's) and a longer sched.warmup, or more epochs; ",
              weights.empty() ? ""
                              : str("vicinity eval linear model.weights=", weights,
                                    " tells what a classifier on the frozen weights reaches"));
}

}  // namespace vicinity
