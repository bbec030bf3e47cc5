#include "train/eval_files.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kWorst = 50;
constexpr const char* kFiles[] = {"eval.json", "predictions.csv", "per_class.csv", "confusion.csv"};

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json classes_json(const EvalReport& report, const std::vector<std::string>& names) {
  Json all = Json::array();
  const std::vector<ClassReport> classes = report.per_class();
  for (size_t i = 0; i < classes.size(); ++i) {
    const ClassReport& c = classes[i];
    all.push_back({{"name", names[i]},
                   {"n", c.count},
                   {"predicted", c.predicted},
                   {"correct", c.correct},
                   {"precision_percent", number(c.precision())},
                   {"recall_percent", number(c.recall())}});
  }
  return all;
}

Json confusion_json(const EvalReport& report) {
  Json cells = Json::array();
  for (const ConfusionCell& cell : report.confusion())
    cells.push_back({cell.label, cell.guess, cell.count});
  return cells;
}

Json calibration_json(const EvalReport& report) {
  Json bins = Json::array();
  for (const CalibrationBin& bin : report.calibration()) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"n", bin.count},
                    {"correct", bin.correct},
                    {"confidence", bin.confidence}});
  }
  return bins;
}

Json worst_json(const EvalReport& report, const Source& source) {
  Json all = Json::array();
  for (const Prediction& p : report.worst(kWorst)) {
    all.push_back({{"index", p.index},
                   {"file", source.name(p.index)},
                   {"label", p.label},
                   {"prediction", p.guess},
                   {"confidence", p.confidence},
                   {"true_probability", p.true_probability}});
  }
  return all;
}

// A field of RFC 4180: quoted where it holds a comma, a quote or a line's end.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string row(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) line += (i > 0 ? "," : "") + field(fields[i]);
  return line + "\n";
}

std::string predictions_csv(const EvalReport& report, const Source& source) {
  const std::vector<std::string>& names = source.class_names();
  std::string text = row({"file", "label", "prediction", "rank", "confidence", "true_probability"});
  for (const Prediction& p : report.predictions()) {
    text += row({source.name(p.index), names[static_cast<size_t>(p.label)],
                 names[static_cast<size_t>(p.guess)], std::to_string(p.rank + 1),
                 format_number(p.confidence), format_number(p.true_probability)});
  }
  return text;
}

std::string share(double percent) { return std::isfinite(percent) ? format_number(percent) : ""; }

std::string per_class_csv(const EvalReport& report, const std::vector<std::string>& names) {
  std::string text =
      row({"class", "n", "predicted", "correct", "precision_percent", "recall_percent"});
  const std::vector<ClassReport> classes = report.per_class();
  for (size_t i = 0; i < classes.size(); ++i) {
    const ClassReport& c = classes[i];
    text += row({names[i], std::to_string(c.count), std::to_string(c.predicted),
                 std::to_string(c.correct), share(c.precision()), share(c.recall())});
  }
  return text;
}

std::string confusion_csv(const EvalReport& report, const std::vector<std::string>& names) {
  std::string text = row({"label", "prediction", "n"});
  for (const ConfusionCell& cell : report.confusion()) {
    text += row({names[static_cast<size_t>(cell.label)], names[static_cast<size_t>(cell.guess)],
                 std::to_string(cell.count)});
  }
  return text;
}

}  // namespace

std::string eval_json(const EvalReport& report, const Source& source, const EvalSubject& subject) {
  Json json{{"model", subject.model}, {"method", subject.method}};
  if (subject.step >= 0) json["step"] = subject.step;
  json["n"] = report.count();
  json["top1"] = report.top1();
  json["top5"] = report.top5();
  json["top1_percent"] = report.top1_percent();
  json["top5_percent"] = report.top5_percent();
  json["balanced_percent"] = report.balanced_percent();
  json["loss"] = number(report.mean_loss());
  json["ece"] = report.ece();
  json["classes"] = classes_json(report, source.class_names());
  json["confusion"] = confusion_json(report);
  json["calibration"] = calibration_json(report);
  json["worst"] = worst_json(report, source);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_eval_json(const std::string& directory, const EvalReport& report, const Source& source,
                     const EvalSubject& subject) {
  make_directories(directory);
  write_file_atomically(directory + "/eval.json", eval_json(report, source, subject) + "\n");
}

void write_eval_files(const std::string& directory, const EvalReport& report, const Source& source,
                      const EvalSubject& subject) {
  write_eval_json(directory, report, source, subject);
  const std::vector<std::string>& names = source.class_names();
  write_file_atomically(directory + "/predictions.csv", predictions_csv(report, source));
  write_file_atomically(directory + "/per_class.csv", per_class_csv(report, names));
  write_file_atomically(directory + "/confusion.csv", confusion_csv(report, names));
}

void check_eval_directory(const std::string& directory, bool overwrite) {
  for (const char* file : kFiles) {
    VIC_CHECK(UsageError, overwrite || !std::filesystem::exists(directory + "/" + file), "'",
              directory, "/", file, "' exists; --overwrite replaces it");
  }
}

}  // namespace vicinity
