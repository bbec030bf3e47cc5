// Which operations a picture meets: AutoAugment, RandAugment and 3-Augment in timm's words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "data/transforms/augment_ops.h"

namespace vicinity {

/// An operation with its probability and magnitude.
struct PolicyStep {
  AugmentOp op;
  double probability, magnitude;
};
/// One of the lists of an AutoAugment policy.
using SubPolicy = std::vector<PolicyStep>;

/// An operation of RandAugment and how often it is chosen, relative to the others.
struct WeightedOp {
  AugmentOp op;
  double weight;
};

/// Either `lists`, one of which is drawn, all of its steps in their order; or `ops`, of which
/// `count` are drawn, each then applied with `probability` at `magnitude`.
struct AugmentPolicy {
  std::span<const SubPolicy> lists;
  std::span<const WeightedOp> ops;
  bool weighted = false;  // ops are drawn by their weights and without replacement
  int count = 2;
  double probability = 0.5, magnitude = 10;
  double spread = 0;  // standard deviation of a magnitude; infinite: uniform from 0 up to it
  double most = 10;   // upper bound of a magnitude
};

/// timm's `rand-m9-n2-p0.5-mstd0.5-mmax10-inc1`, in any order and with parts left out (m10, n2,
/// p0.5, mstd0, mmax10, inc0), where inc1 takes the operations that grow stronger with m, and `w0`,
/// `tweights`, `t3a` and `t3aw` take other sets; and `original`, `originalr`, `v0`, `v0r` (Cubuk et
/// al. 2018, arXiv:1805.09501) and `3a` (Touvron et al. 2022, arXiv:2204.07118), each perhaps with
/// `-mstd0.5`. ConfigError for any other text, naming the part. mstd above 100 is infinite.
AugmentPolicy parse_policy(const std::string& text);

/// How turned pictures are drawn.
struct AffineStyle {
  std::optional<Interpolation> interpolation;  // nothing: bilinear or bicubic, drawn each time
  Color fill{};
};

/// Draws and applies operations.
void apply_policy(const AugmentPolicy& policy, const AffineStyle& style, Random& random,
                  Image& image);

}  // namespace vicinity
