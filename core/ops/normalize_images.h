// From bytes to what a network reads.
#pragma once

#include <vector>

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = (x / 255 - mean[c]) / std[c], each step rounded to float as Hugging Face's processors do,
/// then to `dtype`. x: u8 [B, H, W, C] -> same shape. Traffic: x.bytes() + y.bytes().
Tensor normalize_images(const Tensor& x, const std::vector<float>& mean,
                        const std::vector<float>& std, DType dtype);

namespace kernels {
void normalize_images(Cpu&, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, Tensor& y);
void normalize_images(Cuda&, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
