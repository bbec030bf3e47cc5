#include "train/tasks/classify.h"

#include <algorithm>

#include "autograd/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"

namespace vicinity {

int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  const Tensor wide = cast(logits, DType::f64);
  const int64_t classes = wide.dim(-1);
  int64_t correct = 0;
  for (int64_t row = 0; row < wide.rows(); ++row) {
    const double* begin = wide.data<double>() + row * classes;
    correct += std::max_element(begin, begin + classes) - begin == labels.data<int32_t>()[row];
  }
  return correct;
}

Variable Classify::loss(const LeafBatch& leaf, Pass& pass, LossSums& sums) {
  const Tensor images =
      normalize_images(leaf.images, normalization_.mean, normalization_.std, pass.act);
  const Variable logits = model_.logits(images, pass);
  const Variable losses = cross_entropy(logits, {.first = leaf.labels, .smoothing = smoothing_});
  const Tensor each = cast(losses.value(), DType::f64);
  if (each.device() == kCpu) {
    for (const double value : values_of<double>(each)) sums.loss += value;
    sums.correct += count_correct(logits.value(), leaf.labels);
  }
  sums.count += leaf.labels.dim(0);
  return sum_scaled(losses, 1.0 / static_cast<double>(leaf.batch_size));
}

}  // namespace vicinity
