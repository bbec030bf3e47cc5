// A batch on its way from the loader to the model, and its leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// Images of one leaf: the part of a batch that goes through the model together. Sums over a batch
/// are sums over its leaves, in a fixed tree, so a leaf is a number of the recipe and not of the
/// machine.
struct LeafBatch {
  Tensor images;           // u8 [B, H, W, 3]
  Tensor labels;           // i32 [B]
  int64_t first = 0;       // position of its first image in the batch: names the draws of drop path
  int64_t batch_size = 0;  // images in the whole batch: what the mean loss divides by
  Tensor batch_labels;     // i32 [N], of the whole batch
};

/// Cuts images into leaves of `micro_batch`; the last one may be shorter. `labels` are those of the
/// whole batch, in which the first image has the place `first`: a rank holds the images of its own
/// leaves.
std::vector<LeafBatch> leaves_of(const Tensor& images, const Tensor& labels, int64_t micro_batch,
                                 int64_t first = 0);

}  // namespace vicinity
