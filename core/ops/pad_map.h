// Zero rows and columns below and to the right of a map, and their removal.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// x: [B, H, W, C] -> [B, height, width, C]: what both maps have in common is copied, the rest is
/// zero. Pads where the new map is larger, crops where it is smaller; each is the other's backward.
/// x itself if nothing changes.
Tensor pad_map(const Tensor& x, int64_t height, int64_t width);

namespace kernels {
void pad_map(Cpu&, const Tensor& x, Tensor& y);
void pad_map(Cuda&, const Tensor& x, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
