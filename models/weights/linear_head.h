// Linear classifiers that are published apart from their backbones.
#pragma once

#include <string>

#include "core/tensor/tensor.h"

namespace vicinity {

/// A linear classifier in a file of its own, as dinov2_vits14_linear_head.pth: `weight` [classes,
/// C] and `bias`, whatever stands before them. DataError if the file holds anything else.
struct LinearHead {
  std::string path;
  Tensor weight, bias;
};
LinearHead read_linear_head(const std::string& path);

}  // namespace vicinity
