// Square patches of images as rows: the gather in front of a ViT's patch embedding.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// x: [B, H, W, C] -> [B, (H / p) * (W / p), p * p * C], patches row by row, inside a patch (y, x,
/// c). Pixels to the right of and below the last whole patch are dropped, as a convolution with
/// stride p does. Traffic: 2 * x.bytes().
Tensor patches(const Tensor& x, int64_t p);

namespace kernels {
void patches_forward(Cpu&, const Tensor& x, int64_t p, Tensor& y);
void patches_forward(Cuda&, const Tensor& x, int64_t p, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
