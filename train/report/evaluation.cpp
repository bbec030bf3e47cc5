#include "train/report/evaluation.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"

namespace vicinity {
namespace {

using Json = nlohmann::json;

size_t class_of(const Json& value, const EvaluationRecord& evaluation, const std::string& path) {
  const auto index = value.get<size_t>();
  VIC_CHECK(DataError, index < evaluation.classes.size(), "'", path, "' speaks of class ", index,
            " but lists ", evaluation.classes.size(), " classes");
  return index;
}

EvaluationRecord evaluation_of(const Json& json, const std::string& path) {
  EvaluationRecord e;
  e.step = json.value("step", int64_t{-1});
  e.count = json.at("n");
  e.top1 = json.at("top1");
  e.top5 = json.at("top5");
  e.top1_percent = json.at("top1_percent");
  e.top5_percent = json.at("top5_percent");
  e.balanced_percent = json.at("balanced_percent");
  e.ece = json.at("ece");
  for (const Json& c : json.at("classes"))
    e.classes.push_back({c.at("name"), c.at("n"), c.at("predicted"), c.at("correct")});
  for (const Json& cell : json.at("confusion"))
    e.confusion.push_back(
        {class_of(cell.at(0), e, path), class_of(cell.at(1), e, path), cell.at(2)});
  for (const Json& bin : json.at("calibration")) {
    e.calibration.push_back(
        {bin.at("low"), bin.at("high"), bin.at("confidence"), bin.at("n"), bin.at("correct")});
  }
  for (const Json& w : json.at("worst")) {
    e.worst.push_back({w.at("index"), w.at("file"), class_of(w.at("label"), e, path),
                       class_of(w.at("prediction"), e, path), w.at("confidence"),
                       w.at("true_probability")});
  }
  return e;
}

}  // namespace

EvaluationRecord read_evaluation(const std::string& path) {
  try {
    return evaluation_of(Json::parse(read_file(path)), path);
  } catch (const Json::exception& error) {
    VIC_FAIL(DataError, "'", path, "' is not an evaluation of vicinity eval: ", error.what());
  }
}

}  // namespace vicinity
