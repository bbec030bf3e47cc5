#pragma once

#include "autograd/variable.h"

namespace vicinity {

/// Convolution with kernel = stride = p: patches(images, p) w^T + bias. images: [B, H, W, C], a
/// constant; w: [D, p, p, C]; bias: [D] -> [B, N, D]. Keeps the images, gathers the patches again.
/// Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1.
Variable patch_embed(const Tensor& images, const Variable& w, const Variable& bias);

}  // namespace vicinity
