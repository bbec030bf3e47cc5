// What a run tells while it trains: a line of metrics.jsonl for every step, a log line per
// interval.
#pragma once

#include <chrono>

#include "train/metrics_file.h"
#include "train/run/parts.h"

namespace vicinity {

class Progress {
 public:
  /// Both must outlive it.
  Progress(const RunParts& parts, MetricsFile& metrics) : parts_(parts), metrics_(metrics) {}

  /// After a step; `waited`: seconds of it that went into waiting for images.
  void step(const StepReport& report, double waited);
  /// An interval begins: at the start, and after time was spent on something else than training.
  void restart() { interval_ = {}; }

 private:
  std::string line(const StepReport& report) const;

  const RunParts& parts_;
  MetricsFile& metrics_;
  struct Interval {  // since the last log line
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    double loss = 0, accuracy = 0, wait = 0;
    int64_t steps = 0, images = 0;
  } interval_;
};

}  // namespace vicinity
