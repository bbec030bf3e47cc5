// What a run tells while it trains: every step to the recorder, a log line per interval, a bar on a
// terminal.
#pragma once

#include <chrono>

#include "train/metrics/recorder.h"
#include "train/run/parts.h"
#include "train/run/spikes.h"

namespace vicinity {

class Progress {
 public:
  /// Both must outlive it.
  Progress(const RunParts& parts, Recorder& recorder) : parts_(parts), recorder_(recorder) {}

  /// After a step on `images` images of all ranks; `waited`: seconds of it that went into waiting
  /// for them.
  void step(const StepReport& report, int64_t images, double waited);
  /// An interval begins: at the start, and after time was spent on something else than training.
  void restart() { interval_ = {}; }

 private:
  double seconds_left(const StepReport& report) const;
  /// Of each step, for a terminal; and the line of an interval.
  std::string bar(const StepReport& report) const;
  std::string line(const StepReport& report) const;

  const RunParts& parts_;
  Recorder& recorder_;
  SpikeWatch spikes_;
  struct Interval {  // since the last log line
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    double loss = 0, accuracy = 0, wait = 0;
    int64_t steps = 0, good = 0, images = 0;

    void add(const StepReport& report, int64_t batch, double waited);
  } interval_;
};

}  // namespace vicinity
