// An evaluation as it was written to eval/eval.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

struct EvaluationRecord {
  struct Class {
    std::string name;
    int64_t count = 0, predicted = 0, correct = 0;
  };
  struct Cell {  // images of class `label` that were taken for `guess`
    size_t label = 0, guess = 0;
    int64_t count = 0;
  };
  struct Bin {  // of confidence
    double low = 0, high = 0, confidence = 0;
    int64_t count = 0, correct = 0;
  };
  struct Mistake {
    int64_t index = 0;  // in the validation images
    std::string file;
    size_t label = 0, guess = 0;
    double confidence = 0, true_probability = 0;
  };

  int64_t step = -1;
  int64_t count = 0, top1 = 0, top5 = 0;
  double top1_percent = 0, top5_percent = 0, balanced_percent = 0, ece = 0;
  std::vector<Class> classes;
  std::vector<Cell> confusion;  // what is not zero
  std::vector<Bin> calibration;
  std::vector<Mistake> worst;  // the most confident first
};

/// DataError, naming the file, if it is no such JSON or speaks of classes that it does not list.
EvaluationRecord read_evaluation(const std::string& path);

}  // namespace vicinity
