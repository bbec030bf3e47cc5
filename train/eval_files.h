// Evaluations as files: eval.json for programs, three tables for spreadsheets.
#pragma once

#include <string>

#include "data/source/source.h"
#include "train/eval_report.h"

namespace vicinity {

/// What was evaluated, for eval.json.
struct EvalSubject {
  std::string model;                  // a path
  std::string method = "classifier";  // or "knn", "linear"
  int64_t step = -1;                  // of the run; -1: none
};

/// One JSON object on one line (docs/evaluation.md, "Evaluation"): counts and shares, per class,
/// the cells of the confusion matrix that are not zero, calibration, the 50 most confident mistakes
/// with their files. A number that does not exist (precision of a class that nothing was taken
/// for) is null.
std::string eval_json(const EvalReport& report, const Source& source, const EvalSubject& subject);
/// The same as DIRECTORY/eval.json, which is made if it is not there.
void write_eval_json(const std::string& directory, const EvalReport& report, const Source& source,
                     const EvalSubject& subject);
/// eval.json, predictions.csv, per_class.csv and confusion.csv (RFC 4180) in `directory`.
void write_eval_files(const std::string& directory, const EvalReport& report, const Source& source,
                      const EvalSubject& subject);
/// UsageError if one of those files is there already, unless `overwrite`.
void check_eval_directory(const std::string& directory, bool overwrite);

}  // namespace vicinity
