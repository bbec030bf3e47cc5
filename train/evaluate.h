// Exact evaluation: every image once, integer counts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/loader.h"
#include "models/model.h"
#include "train/tasks/classify.h"

namespace vicinity {

struct EvalReport {
  int64_t count = 0;
  int64_t top1 = 0;
  int64_t top5 = 0;
  double loss_sum = 0;
  std::vector<int64_t> class_count;    // images per true class
  std::vector<int64_t> class_correct;  // of them, right at the first guess
  std::vector<int64_t> confusion;      // [true, predicted], row-major

  double top1_percent() const {
    return 100.0 * static_cast<double>(top1) / static_cast<double>(count);
  }
  /// "top-1 90.52 % (9,052 of 10,000), top-5 99.81 %, loss 0.2731".
  std::string text() const;
};

/// Runs the model without recording over every batch of the loader, from its first image to its
/// last.
EvalReport evaluate(Model& model, Loader& loader, const Normalization& normalization, DType act);

/// Images of a loader batch as the tensors that tasks take.
Tensor images_of(const Batch& batch);
Tensor labels_of(const Batch& batch);

}  // namespace vicinity
