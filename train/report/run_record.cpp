#include "train/report/run_record.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/config_dump.h"
#include "core/config/config_reader.h"
#include "core/config/config_tree.h"
#include "models/registry.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

void read_settings(RunRecord& run) {
  const std::string path = run.path + "/config.yaml";
  ConfigTree tree;
  tree.add_file(path);
  const std::string text = read_file(path);
  for (const ConfigEntry& entry : tree.entries())
    run.settings.push_back({entry.key, entry.text, dumped_origin(text, entry.origin)});
  RunConfig config;
  read_config(tree, config);
  config.model.architecture.labels = run.classes;
  run.config = std::move(config);
  run.parameters = make_model(run.config->model.architecture, DType::f32, kPlan)->parameter_count();
}

void read_commands(RunRecord& run) {
  for (const std::string& line : split(read_file(run.path + "/command.txt"), '\n'))
    if (!line.empty()) run.commands.push_back(line);
}

void read_classes(RunRecord& run) {
  const auto json = nlohmann::json::parse(read_file(run.path + "/classes.json"), nullptr, false);
  VIC_CHECK(DataError, json.is_array(), "'", run.path, "/classes.json' is damaged");
  for (const auto& name : json)
    if (name.is_string()) run.classes.push_back(name);
}

std::vector<MetricsLine> read_lines(const std::string& path) {
  std::vector<MetricsLine> lines;
  for (const std::string& line : split(read_file(path), '\n')) {
    if (auto parsed = parse_metrics_line(line)) lines.push_back(std::move(*parsed));
  }
  return lines;
}

}  // namespace

RunRecord read_run(const std::string& path) {
  RunRecord run;
  run.path = path;
  while (run.path.size() > 1 && run.path.back() == '/') run.path.pop_back();
  VIC_CHECK(UsageError, fs::exists(run.path + "/config.yaml"), "'", path,
            "' is not a run: it has no config.yaml. vicinity report takes the folders that "
            "vicinity train --out wrote");
  run.name = fs::absolute(run.path).lexically_normal().filename().string();
  const auto attempt = [&](const char* file, const auto& read) {
    try {
      if (fs::exists(run.path + "/" + file)) read();
    } catch (const Error& error) {
      run.notes.push_back(str(file, ": ", error.user_text()));
    }
  };
  attempt("classes.json", [&] { read_classes(run); });
  attempt("config.yaml", [&] { read_settings(run); });
  attempt("command.txt", [&] { read_commands(run); });
  attempt("metrics.jsonl", [&] { run.metrics = read_lines(run.path + "/metrics.jsonl"); });
  attempt("timing.jsonl", [&] { run.timing = read_lines(run.path + "/timing.jsonl"); });
  attempt("eval/eval.json",
          [&] { run.evaluation = read_evaluation(run.path + "/eval/eval.json"); });
  return run;
}

std::optional<double> value_of(const MetricsLine& line, const std::string& name) {
  for (const auto& [key, value] : line.scalars) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<Point> RunRecord::curve(const std::string& name) const {
  std::vector<Point> points;
  for (const auto* lines : {&metrics, &timing}) {
    for (const MetricsLine& line : *lines) {
      if (const auto value = value_of(line, name)) points.push_back({line.epoch, *value});
    }
  }
  return points;
}

std::vector<Point> RunRecord::expected_curve() const {
  std::vector<Point> points;
  if (!config) return points;
  const RecipeSection& recipe = config->recipe;
  for (size_t i = 0; i < std::min(recipe.curve_epochs.size(), recipe.curve_top1.size()); ++i)
    points.push_back({recipe.curve_epochs[i], recipe.curve_top1[i]});
  if (points.empty() && recipe.top1 > 0 && !metrics.empty())
    points = {{0, recipe.top1}, {metrics.back().epoch, recipe.top1}};
  return points;
}

int64_t RunRecord::planned_steps() const {
  if (!config || metrics.empty() || metrics.back().epoch <= 0) return 0;
  if (config->train.steps > 0) return config->train.steps;
  const double per_epoch = static_cast<double>(metrics.back().step) / metrics.back().epoch;
  return std::llround(config->train.epochs * std::round(per_epoch));
}

double RunRecord::total(const std::string& name) const {
  double sum = 0;
  for (const MetricsLine& line : timing) sum += value_of(line, name).value_or(0);
  return sum;
}

Evaluations evaluations_of(const RunRecord& run) {
  Evaluations found;
  double best = -1;
  for (const MetricsLine& line : run.metrics) {
    const auto top1 = value_of(line, "val/top1");
    if (!top1) continue;
    found.last = &line;
    if (*top1 > best) {
      best = *top1;
      found.best = &line;
    }
  }
  return found;
}

}  // namespace vicinity
