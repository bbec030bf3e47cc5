#pragma once

#include <vector>

#include "data/transforms/augment_policy.h"

namespace vicinity {

/// AutoAugment's policy for ImageNet (Cubuk et al. 2018, arXiv:1805.09501, appendix, table 9), with
/// `posterize` as meant there (posterize_original) or so that it grows stronger
/// (posterize_increasing).
std::vector<SubPolicy> paper_lists(AugmentOp posterize);
/// The policy that EfficientNet's training code calls v0, with posterize or posterize_increasing.
std::vector<SubPolicy> efficientnet_lists(AugmentOp posterize);
/// Solarize, grey or blur, one of them for each picture (Touvron et al. 2022, arXiv:2204.07118).
std::vector<SubPolicy> three_lists();

/// RandAugment's fifteen operations, alike in weight; those that grow stronger with the magnitude
/// if `increasing`.
std::vector<WeightedOp> equal_ops(bool increasing);
/// The same operations with timm's weights, mostly turns and shears.
std::vector<WeightedOp> weighted_ops(bool increasing);
/// As `weighted_ops(true)`, which leaves out posterize and invert, with these two as well.
std::vector<WeightedOp> newer_weighted_ops();
/// 3-Augment's operations, alike in weight or together with twelve others.
std::vector<WeightedOp> three_ops();
std::vector<WeightedOp> weighted_three_ops();

}  // namespace vicinity
