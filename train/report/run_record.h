// A run directory as the report sees it: whatever of it is there, for runs also end halfway.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/metrics_file.h"
#include "train/report/evaluation.h"
#include "train/report/line_chart.h"
#include "train/run_config.h"

namespace vicinity {

/// A setting of config.yaml, and where its value came from; "" where the file does not say.
struct Setting {
  std::string key, value, origin;
};

/// An image of the validation set as a data: URL.
struct MistakeImage {
  std::string url;
  int width = 0, height = 0;
};

struct RunRecord {
  std::string path, name;  // the folder, and its last part
  std::optional<RunConfig> config;
  std::vector<Setting> settings;
  std::vector<std::string> commands, classes;
  int64_t parameters = 0;  // of the model; 0: unknown
  std::vector<MetricsLine> metrics, timing;
  std::optional<EvaluationRecord> evaluation;
  std::vector<MistakeImage> mistake_images;  // of evaluation->worst, as far as they go
  std::vector<std::string> notes;            // what could not be read, and why

  /// What its recipe promises: validation top-1 over epochs; the result alone is a level line.
  std::vector<Point> expected_curve() const;
  /// Values of a name over epochs.
  std::vector<Point> curve(const std::string& name) const;
  int64_t last_step() const { return metrics.empty() ? 0 : metrics.back().step; }
  /// How many steps the run was to have; 0: unknown.
  int64_t planned_steps() const;
  bool finished() const { return last_step() > 0 && last_step() >= planned_steps(); }
  /// Sum of a name over timing.jsonl.
  double total(const std::string& name) const;
};

/// UsageError if `path` is no run directory. What is missing or damaged inside it becomes a note.
RunRecord read_run(const std::string& path);

/// The line with the largest val/top1, and the last one that has it; null where there is none.
struct Evaluations {
  const MetricsLine* best = nullptr;
  const MetricsLine* last = nullptr;
};
Evaluations evaluations_of(const RunRecord& run);
/// The value of `name` in a line.
std::optional<double> value_of(const MetricsLine& line, const std::string& name);

}  // namespace vicinity
