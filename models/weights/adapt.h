// Tensors of one size made to fit a model of another.
#pragma once

#include <string>

#include "core/ops/position_interpolation.h"
#include "models/parameter_store.h"

namespace vicinity {

struct Adapted {
  Tensor tensor;
  std::string method;  // empty: as it was
};

/// The tensor in the shape of `entry`. DataError names both shapes where none of these applies.
/// position_embeddings [1, 1 + M * M, D] to another square grid: bicubic in `mode`, the class
/// token's row as it is.
/// rpb [heads, 2K - 1, 2K - 1] to another kernel: bicubic (a = -0.75, edges repeated, corners not
/// aligned), as torch's interpolate does and the published 11 x 11 weights were made from 7 x 7.
/// The first convolution [out, 3, k, k] to C channels, as timm does: one is the sum of the three;
/// more repeat them in their order, times 3 / C, so that equal channels give the same output. From
/// one channel to C: each has 1 / C of it.
Adapted adapt(const Tensor& tensor, const Published& entry, PositionMode mode,
              const std::string& path);

}  // namespace vicinity
