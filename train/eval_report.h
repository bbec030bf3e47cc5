// What a classifier said of each image of a data set, and the numbers that follow from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vicinity {

/// What was said of one image.
struct Prediction {
  int64_t index = 0;  // of the image in its source
  int32_t label = 0;
  int32_t guess = 0;            // the class with the largest score; of equal ones the first
  int64_t rank = 0;             // how many classes come before the label; 0: the guess is right
  double confidence = 0;        // probability of the guess
  double true_probability = 0;  // probability of the label
  double loss = 0;              // cross-entropy
};

/// Images whose confidence lies in (low, high].
struct CalibrationBin {
  double low = 0, high = 0;
  int64_t count = 0, correct = 0;
  double confidence = 0;  // their mean; 0 where there are none
};

struct ClassReport {
  int64_t count = 0;      // images of the class
  int64_t predicted = 0;  // images that were taken for it
  int64_t correct = 0;    // both
  /// correct / count and correct / predicted, percent; NaN where nothing is divided.
  double recall() const;
  double precision() const;
};

/// Images of class `label` that were taken for `guess`.
struct ConfusionCell {
  int32_t label = 0, guess = 0;
  int64_t count = 0;
};

/// Counts are integers of whole images, whatever the batches were.
class EvalReport {
 public:
  explicit EvalReport(int64_t classes) : classes_(classes) {}

  void add(const Prediction& prediction);
  /// What a row of logits says of an image: softmax probabilities in fp64. DivergedError if a logit
  /// is not finite.
  void add_logits(int64_t index, int32_t label, const double* logits);

  int64_t classes() const { return classes_; }
  /// In the order in which they were added.
  const std::vector<Prediction>& predictions() const { return predictions_; }
  int64_t count() const { return static_cast<int64_t>(predictions_.size()); }
  int64_t top1() const { return top1_; }
  int64_t top5() const { return top5_; }
  double top1_percent() const { return percent(top1_); }
  double top5_percent() const { return percent(top5_); }
  double mean_loss() const { return loss_sum_ / static_cast<double>(count()); }

  std::vector<ClassReport> per_class() const;
  /// Mean recall of the classes that have images, percent: what top-1 would be if all had equally
  /// many. Brodersen et al. 2010, "The balanced accuracy and its posterior distribution".
  double balanced_percent() const;
  /// Whether the classes that have images do not all have equally many.
  bool unbalanced() const;
  /// The cells that are not zero, by label, then by guess.
  std::vector<ConfusionCell> confusion() const;
  /// Equally wide bins of the confidence.
  std::vector<CalibrationBin> calibration(int bins = 15) const;
  /// Expected calibration error: sum over 15 bins of count / n * |correct / count - mean
  /// confidence|. Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599,
  /// eq. 3.
  double ece() const;
  /// At most `most` wrong ones, the most confident first.
  std::vector<Prediction> worst(size_t most) const;

  /// "top-1 90.52 % (9,052 of 10,000), top-5 99.81 %, loss 0.2731, ECE 0.0154", with balanced
  /// accuracy behind top-1 where classes differ in size.
  std::string text() const;

 private:
  double percent(int64_t part) const {
    return 100.0 * static_cast<double>(part) / static_cast<double>(count());
  }

  int64_t classes_;
  int64_t top1_ = 0, top5_ = 0;
  double loss_sum_ = 0;
  std::vector<Prediction> predictions_;
};

}  // namespace vicinity
