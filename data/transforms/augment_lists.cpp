#include "data/transforms/augment_lists.h"

namespace vicinity {

using enum AugmentOp;

std::vector<SubPolicy> paper_lists(AugmentOp bits) {
  return {{{bits, 0.4, 8}, {rotate, 0.6, 9}},       {{solarize, 0.6, 5}, {auto_contrast, 0.6, 5}},
          {{equalize, 0.8, 8}, {equalize, 0.6, 3}}, {{bits, 0.6, 7}, {bits, 0.6, 6}},
          {{equalize, 0.4, 7}, {solarize, 0.2, 4}}, {{equalize, 0.4, 4}, {rotate, 0.8, 8}},
          {{solarize, 0.6, 3}, {equalize, 0.6, 7}}, {{bits, 0.8, 5}, {equalize, 1.0, 2}},
          {{rotate, 0.2, 3}, {solarize, 0.6, 8}},   {{equalize, 0.6, 8}, {bits, 0.4, 6}},
          {{rotate, 0.8, 8}, {color, 0.4, 0}},      {{rotate, 0.4, 9}, {equalize, 0.6, 2}},
          {{equalize, 0.0, 7}, {equalize, 0.8, 8}}, {{invert, 0.6, 4}, {equalize, 1.0, 8}},
          {{color, 0.6, 4}, {contrast, 1.0, 8}},    {{rotate, 0.8, 8}, {color, 1.0, 2}},
          {{color, 0.8, 8}, {solarize, 0.8, 7}},    {{sharpness, 0.4, 7}, {invert, 0.6, 8}},
          {{shear_x, 0.6, 5}, {equalize, 1.0, 9}},  {{color, 0.4, 0}, {equalize, 0.6, 3}},
          {{equalize, 0.4, 7}, {solarize, 0.2, 4}}, {{solarize, 0.6, 5}, {auto_contrast, 0.6, 5}},
          {{invert, 0.6, 4}, {equalize, 1.0, 8}},   {{color, 0.6, 4}, {contrast, 1.0, 8}},
          {{equalize, 0.8, 8}, {equalize, 0.6, 3}}};
}

std::vector<SubPolicy> efficientnet_lists(AugmentOp bits) {
  return {{{equalize, 0.8, 1}, {shear_y, 0.8, 4}},
          {{color, 0.4, 9}, {equalize, 0.6, 3}},
          {{color, 0.4, 1}, {rotate, 0.6, 8}},
          {{solarize, 0.8, 3}, {equalize, 0.4, 7}},
          {{solarize, 0.4, 2}, {solarize, 0.6, 2}},
          {{color, 0.2, 0}, {equalize, 0.8, 8}},
          {{equalize, 0.4, 8}, {solarize_add, 0.8, 3}},
          {{shear_x, 0.2, 9}, {rotate, 0.6, 8}},
          {{color, 0.6, 1}, {equalize, 1.0, 2}},
          {{invert, 0.4, 9}, {rotate, 0.6, 0}},
          {{equalize, 1.0, 9}, {shear_y, 0.6, 3}},
          {{color, 0.4, 7}, {equalize, 0.6, 0}},
          {{bits, 0.4, 6}, {auto_contrast, 0.4, 7}},
          {{solarize, 0.6, 8}, {color, 0.6, 9}},
          {{solarize, 0.2, 4}, {rotate, 0.8, 9}},
          {{rotate, 1.0, 7}, {translate_y, 0.8, 9}},
          {{shear_x, 0.0, 0}, {solarize, 0.8, 4}},
          {{shear_y, 0.8, 0}, {color, 0.6, 4}},
          {{color, 1.0, 0}, {rotate, 0.6, 2}},
          {{equalize, 0.8, 4}, {equalize, 0.0, 8}},
          {{equalize, 1.0, 4}, {auto_contrast, 0.6, 2}},
          {{shear_y, 0.4, 7}, {solarize_add, 0.6, 7}},
          {{bits, 0.8, 2}, {solarize, 0.6, 10}},
          {{solarize, 0.6, 8}, {equalize, 0.6, 1}},
          {{color, 0.8, 6}, {rotate, 0.4, 5}}};
}

std::vector<SubPolicy> three_lists() {
  return {{{solarize, 1.0, 5}}, {{desaturate, 1.0, 10}}, {{gaussian_blur_random, 1.0, 10}}};
}

std::vector<WeightedOp> equal_ops(bool increasing) {
  std::vector<WeightedOp> ops = weighted_ops(increasing);
  for (WeightedOp& op : ops) op.weight = 1;
  return ops;
}

std::vector<WeightedOp> weighted_ops(bool increasing) {
  const auto either = [increasing](AugmentOp grows, AugmentOp plain) {
    return increasing ? grows : plain;
  };
  return {{auto_contrast, 0.025},
          {equalize, 0.005},
          {invert, 0},
          {rotate, 0.3},
          {either(posterize_increasing, posterize), 0},
          {either(solarize_increasing, solarize), 0.005},
          {solarize_add, 0.005},
          {either(color_increasing, color), 0.025},
          {either(contrast_increasing, contrast), 0.005},
          {either(brightness_increasing, brightness), 0.005},
          {either(sharpness_increasing, sharpness), 0.025},
          {shear_x, 0.2},
          {shear_y, 0.2},
          {translate_x, 0.1},
          {translate_y, 0.1}};
}

std::vector<WeightedOp> newer_weighted_ops() {
  std::vector<WeightedOp> ops = weighted_ops(true);
  for (WeightedOp& op : ops) op.weight = op.weight == 0 ? 0.005 : op.weight;
  return ops;
}

std::vector<WeightedOp> three_ops() {
  return {{solarize_increasing, 1}, {desaturate, 1}, {gaussian_blur, 1}};
}

std::vector<WeightedOp> weighted_three_ops() {
  return {{solarize_increasing, 6},
          {desaturate, 6},
          {gaussian_blur, 6},
          {rotate, 3},
          {shear_x, 2},
          {shear_y, 2},
          {posterize_increasing, 1},
          {auto_contrast, 1},
          {color_increasing, 1},
          {sharpness_increasing, 1},
          {contrast_increasing, 1},
          {brightness_increasing, 1},
          {equalize, 1},
          {invert, 1}};
}

}  // namespace vicinity
