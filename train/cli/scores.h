// From logits to what people read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/model_config.h"

namespace vicinity {

/// softmax: one class of many; sigmoid: each class for itself; value: no probabilities, the numbers
/// themselves.
enum class ScoreKind { softmax, sigmoid, value };

/// By problem_type: sigmoid for multi_label_classification, value for regression, or for a single
/// output where nothing is said, as the loss has it (models/losses/classification_loss.h).
ScoreKind score_kind_of(const ModelConfig& config);

/// Of the logits of one image.
std::vector<double> scores_of(std::vector<double> logits, ScoreKind kind);

/// Indices by falling score; of equal ones the smaller index first.
std::vector<size_t> best_first(const std::vector<double>& scores);

/// Names that occur once as they are; others with the number of their class, "crane (134)":
/// ImageNet has two cranes.
std::vector<std::string> distinct_names(const std::vector<std::string>& names);

}  // namespace vicinity
