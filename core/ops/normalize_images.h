// From bytes to what a network reads, and what training changes in images on that way: Mixup,
// CutMix, random erasing.
#pragma once

#include <vector>

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// Numbers of a step, drawn on the host (train/mixing.h) and small enough to be sent anew at every
/// launch of a recorded step. What is absent changes nothing.
struct ImageChanges {
  /// f32 [6], own, partner, top, left, bottom, right. The partner of image i is image B - 1 - i, so
  /// the middle one of an odd number has itself. Bytes become
  ///   round(own x[i] + partner x[B - 1 - i])   each product and the sum rounded to float, then to
  ///                                            the nearest whole number, halves to even (Mixup:
  ///                                            Zhang et al. 2018, arXiv:1710.09412)
  ///   x[B - 1 - i]   in rows top .. bottom - 1, columns left .. right - 1 (CutMix: Yun et al.
  ///                  2019, arXiv:1905.04899)
  /// which are timm's Mixup and CutMix of a batch of bytes, to the bit. Nothing: 1, 0 and no box.
  Tensor mix;
  /// i32 [B, 6], top, left, bottom, right, low and high half of a 64-bit stream. Once normalised,
  /// element e of an image becomes, inside its box, what element e of normal_ is
  /// (core/ops/random_fill.h, deviation 1) in RandomStream{seed, Purpose::erasing, stream}. Random
  /// erasing, Zhong et al. 2020, arXiv:1708.04896, with a normal draw for each pixel and channel.
  Tensor erase;
  uint64_t seed = 0;  // with erase
};

/// y = (x / 255 - mean[c]) / std[c], each step rounded to float as Hugging Face's processors do,
/// then to `dtype`; x and y changed on the way as `changes` says, in the same pass. x: u8
/// [B, H, W, C] -> same shape. f64 (CPU) holds f32's values. The noise of a GPU differs from the
/// CPU's by rounding. ShapeError, DTypeError. Traffic: x.bytes() + y.bytes(), changes or not: an
/// image and its partner are read together.
Tensor normalize_images(const Tensor& x, const std::vector<float>& mean,
                        const std::vector<float>& std, DType dtype,
                        const ImageChanges& changes = {});

namespace kernels {
void normalize_images(Cpu&, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, const ImageChanges& changes, Tensor& y);
void normalize_images(Cuda&, const Tensor& x, const std::vector<float>& mean,
                      const std::vector<float>& std, const ImageChanges& changes, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
