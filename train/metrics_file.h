// JSON lines of numbers, one object a line: metrics.jsonl and timing.jsonl.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/files.h"

namespace vicinity {

/// Named numbers of one moment. Names are TensorBoard's tags, "train/loss".
using Scalars = std::vector<std::pair<std::string, double>>;

/// Whole numbers without exponent, others as the shortest text that reads back to the bit.
std::string format_scalar(double value);

/// `{"step": 3, "epoch": 0.5, "train/loss": 2.25}`, each as
/// format_scalar has it. What is not finite becomes the string "NaN", "Infinity" or "-Infinity",
/// and its name stands in a list "nonfinite" at the end, so that nobody overlooks it.
std::string metrics_line(int64_t step, double epoch, const Scalars& scalars);

/// One line, read back.
struct MetricsLine {
  int64_t step = 0;
  double epoch = 0;
  Scalars scalars;
};
/// Nothing if the line was cut short or is none of ours. Values that are no numbers are left out.
std::optional<MetricsLine> parse_metrics_line(const std::string& line);

/// How far the checkpoint that a run continues from knows it.
struct KnownUpTo {
  int64_t step = 0;
  bool evaluated = true;  // the evaluation of this step, too, where there is one
};
/// Whether a line is of a later moment, which a resumed run computes again.
bool is_later(const MetricsLine& line, const KnownUpTo& known);
/// Whether one of the values is of an evaluation: "val/...", "time/eval_s".
bool is_evaluation(const Scalars& scalars);

class MetricsFile {
 public:
  /// Continues `path`. Lines of later moments are dropped, and so are those that a crash cut short.
  MetricsFile(const std::string& path, const KnownUpTo& known);

  /// The lines that were there and stay.
  const std::vector<MetricsLine>& kept() const { return kept_; }
  /// One write to the system: a kill leaves whole lines.
  void write(int64_t step, double epoch, const Scalars& scalars);

 private:
  std::vector<MetricsLine> kept_;
  std::optional<FileWriter> file_;
};

}  // namespace vicinity
