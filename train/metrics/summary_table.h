// summary.csv: one line per evaluation, for spreadsheets.
#pragma once

#include "train/metrics_file.h"

namespace vicinity {

/// A function of the lines of metrics.jsonl alone, so a resumed run ends with the same bytes. A
/// line with a "val/" value is an evaluation and makes a row: step, epoch, the means of
/// "train/loss" and "train/top1" since the row before, "train/lr" of the last step, and its own
/// values.
class SummaryTable {
 public:
  /// True if the line made a row.
  bool add(const MetricsLine& line);
  /// RFC 4180, columns in the order in which they first came; empty where a row has no value.
  std::string csv() const;

 private:
  struct Mean {
    std::string name;
    double sum = 0;
    int64_t count = 0;
  };
  std::vector<Mean> means_ = {{"train/loss"}, {"train/top1"}};
  double lr_ = 0;
  std::vector<std::string> columns_ = {"step", "epoch"};
  std::vector<Scalars> rows_;
};

}  // namespace vicinity
