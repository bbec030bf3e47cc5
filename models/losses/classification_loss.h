// The loss that Hugging Face's ...ForImageClassification classes return beside logits.
#pragma once

#include <string>

#include "core/tensor/tensor.h"

namespace vicinity {

/// `configured` if it says something, else as the published classes decide: one label is a
/// "regression", integer labels are "single_label_classification", all others
/// "multi_label_classification".
std::string problem_type_of(const std::string& configured, int64_t num_labels, DType labels);

/// Mean over the batch, in double:
///   regression                  (logit - label)^2, over all B * K entries
///   single_label_classification -log softmax(logits[b])[label], labels of -100 left out (NaN where
///                               all are)
///   multi_label_classification  log(1 + exp(x)) - x * label, over all B * K entries
/// logits: [B, K] on the CPU; labels: i32 or i64 [B] for single labels, else numbers [B, K], or [B]
/// with K = 1. ShapeError, or DataError for a class that there is not, with its place; ConfigError
/// for another problem type. Training has core/ops/cross_entropy.h.
double classification_loss(const Tensor& logits, const Tensor& labels,
                           const std::string& problem_type);

}  // namespace vicinity
