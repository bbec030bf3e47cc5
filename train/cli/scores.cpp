#include "train/cli/scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/base/error.h"

namespace vicinity {

ScoreKind score_kind_of(const ModelConfig& config) {
  if (config.problem_type == "multi_label_classification") return ScoreKind::sigmoid;
  const bool open = config.problem_type.empty() && config.labels.size() == 1;
  return config.problem_type == "regression" || open ? ScoreKind::value : ScoreKind::softmax;
}

std::vector<double> scores_of(std::vector<double> logits, ScoreKind kind) {
  if (kind == ScoreKind::value) return logits;
  if (kind == ScoreKind::sigmoid) {
    for (double& value : logits) value = 1 / (1 + std::exp(-value));
    return logits;
  }
  const double most = *std::max_element(logits.begin(), logits.end());
  for (double& value : logits) value = std::exp(value - most);
  const double sum = std::accumulate(logits.begin(), logits.end(), 0.0);
  for (double& value : logits) value /= sum;
  return logits;
}

std::vector<size_t> best_first(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

std::vector<std::string> distinct_names(const std::vector<std::string>& names) {
  std::map<std::string, int> counts;
  for (const std::string& name : names) ++counts[name];
  std::vector<std::string> distinct = names;
  for (size_t i = 0; i < names.size(); ++i) {
    if (counts[names[i]] > 1) distinct[i] += str(" (", i, ")");
  }
  return distinct;
}

}  // namespace vicinity
