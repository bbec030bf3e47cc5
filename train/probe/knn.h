// Classification by the nearest training features: no training, no setting to choose.
#pragma once

#include <vector>

#include "core/tensor/tensor.h"
#include "train/eval_report.h"

namespace vicinity {

/// Features and their labels.
struct LabelledFeatures {
  Tensor values;  // f32 [N, C] on the CPU
  std::vector<int32_t> labels;
};

/// The published numbers of neighbours, 10, 20, 100 and 200, that are not more than there are
/// training images; all of those where there are fewer than 10.
std::vector<int64_t> neighbour_counts(int64_t training_images);

/// One report for each number of neighbours k, of every query. Similarity is the cosine, s = q . t
/// / (|q| |t|), in fp32 products of core/ops/linear.h; each of the k nearest votes for its class
/// with weight exp(s / 0.07), of equally near ones the earlier; confidence is the share of the
/// votes, a class without votes comes after all others, and there is no loss (NaN). The protocol of
/// DINOv2's kNN evaluation: Oquab et al. 2023, arXiv:2304.07193, sec. 7.1; Wu et al. 2018,
/// arXiv:1805.01978, eq. 12. `counts` ascend; ConfigError if the last is larger than the bank.
///
/// 2 N M C flops for M queries, on `device`; scores are made and looked through in blocks, so that
/// memory beside the features is some megabytes.
std::vector<EvalReport> knn(const LabelledFeatures& bank, const LabelledFeatures& queries,
                            int64_t classes, const std::vector<int64_t>& counts, Device device);

/// The report that stands for all: 20 neighbours, the number that DINO and its followers quote, or
/// the largest below it.
size_t headline_of(const std::vector<int64_t>& counts);

}  // namespace vicinity
