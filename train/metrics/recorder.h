// The observer of a run: what happened goes into metrics.jsonl, summary.csv, timing.jsonl and
// TensorBoard's event files. Nothing flows back.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "train/evaluate.h"
#include "train/metrics/event_file.h"
#include "train/metrics/summary_table.h"
#include "train/metrics_file.h"
#include "train/trainer.h"

namespace vicinity {

/// What one step took beside its arithmetic.
struct StepCost {
  int64_t images = 0;
  double wait = 0;  // seconds for images
  PhaseSeconds phases;
};

/// metrics.jsonl and summary.csv are functions of configuration and data: they have the same bytes
/// on any number of threads and after any resume. What a clock or the machine says is kept apart,
/// in timing.jsonl. Event files get both.
class Recorder {
 public:
  struct Settings {
    KnownUpTo known;  // of the run that is continued
    int64_t steps_per_epoch = 1;
    int64_t log_every = 50;  // steps between two lines of timing.jsonl
    Device device = kCpu;
    bool writes = true;  // false: notes nothing, on ranks other than the first
  };
  Recorder(const std::string& run_directory, Settings settings);

  void step(const StepReport& report, const StepCost& cost);
  /// `average`: of the averaged weights, where there are any.
  void evaluation(int64_t step, const EvalReport& raw, const std::optional<EvalReport>& average);
  /// The files that must never be behind a checkpoint on the disk.
  std::vector<std::string> files() const;
  /// A checkpoint was begun, for which the training waited since the last call of any of these.
  void saved(int64_t step);

 private:
  double epoch_of(int64_t step) const;
  void note(int64_t step, const Scalars& scalars);
  void note_time(int64_t step, Scalars scalars);
  void end_interval(int64_t step);
  double lap();

  Settings settings_;
  std::string directory_;
  struct Files {
    Files(const std::string& directory, const KnownUpTo& known);
    MetricsFile metrics, timing;
    EventFile events;
  };
  std::optional<Files> files_;
  SummaryTable summary_;
  std::chrono::steady_clock::time_point mark_ = std::chrono::steady_clock::now();
  // Since the last line of timing.jsonl.
  struct Interval {
    int64_t steps = 0, images = 0;
    double seconds = 0, wait = 0;
    PhaseSeconds phases;
  } interval_;
};

}  // namespace vicinity
