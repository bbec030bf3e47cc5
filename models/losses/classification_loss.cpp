#include "models/losses/classification_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

constexpr double kIgnored = -100;  // PyTorch's ignore_index

std::vector<double> numbers_of(const Tensor& x) {
  if (x.dtype() == DType::i32) {
    const std::vector<int32_t> values = values_of<int32_t>(x);
    return {values.begin(), values.end()};
  }
  if (x.dtype() == DType::i64) {
    const std::vector<int64_t> values = values_of<int64_t>(x);
    return {values.begin(), values.end()};
  }
  return values_of<double>(cast(x, DType::f64));
}

double log_sum_exp(const double* row, size_t count) {
  const double most = *std::max_element(row, row + count);
  double sum = 0;
  for (size_t k = 0; k < count; ++k) sum += std::exp(row[k] - most);
  return most + std::log(sum);
}

double single_label(const std::vector<double>& logits, const std::vector<double>& labels,
                    size_t classes) {
  double sum = 0, count = 0;
  for (size_t b = 0; b < labels.size(); ++b) {
    if (labels[b] == kIgnored) continue;
    VIC_CHECK(DataError, labels[b] >= 0 && labels[b] < static_cast<double>(classes), "label ",
              labels[b], " of image ", b, "; there are classes 0 to ", classes - 1,
              ", and -100 for images without one");
    const double* row = logits.data() + b * classes;
    sum += log_sum_exp(row, classes) - row[static_cast<size_t>(labels[b])];
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

double squared_error(double x, double y) { return (x - y) * (x - y); }
double binary_cross_entropy(double x, double y) {
  return std::max(x, 0.0) - x * y + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

std::string problem_type_of(const std::string& configured, int64_t num_labels, DType labels) {
  if (!configured.empty()) return configured;
  if (num_labels == 1) return "regression";
  const bool integers = labels == DType::i32 || labels == DType::i64;
  return integers ? "single_label_classification" : "multi_label_classification";
}

double classification_loss(const Tensor& logits, const Tensor& labels,
                           const std::string& problem_type) {
  const std::vector<double> x = numbers_of(logits), y = numbers_of(labels);
  const int64_t batch = logits.dim(0), classes = logits.dim(1);
  if (problem_type == "single_label_classification") {
    VIC_CHECK(DTypeError, !is_float(labels.dtype()), "labels are ", labels.dtype(),
              "; single_label_classification wants class numbers, i32 or i64");
    VIC_CHECK(ShapeError, labels.size() == batch, "labels ", labels.shape(), " for logits ",
              logits.shape(), "; one class an image is wanted");
    return single_label(x, y, static_cast<size_t>(classes));
  }
  const bool regression = problem_type == "regression";
  VIC_CHECK(ConfigError, regression || problem_type == "multi_label_classification",
            "problem_type = '", problem_type,
            "'; there are regression, single_label_classification and multi_label_classification");
  VIC_CHECK(ShapeError,
            labels.shape() == logits.shape() || (classes == 1 && labels.size() == batch), "labels ",
            labels.shape(), " for logits ", logits.shape(), "; ", problem_type,
            " wants one for each");
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += regression ? squared_error(x[i], y[i]) : binary_cross_entropy(x[i], y[i]);
  return sum / static_cast<double>(x.size());
}

}  // namespace vicinity
