// Ops that touch each element once: copies, sums, casts.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// a + b, rounded once to their common dtype. a, b: same shape and float dtype. Traffic: 3 *
/// a.bytes().
Tensor add(const Tensor& a, const Tensor& b);
/// a += b.
void add_(Tensor& a, const Tensor& b);
/// a = b, converting the dtype where they differ. Same shape; floats.
void copy_(Tensor& a, const Tensor& b);
/// x in another float dtype, rounded to nearest even; x itself if it has that dtype already.
Tensor cast(const Tensor& x, DType dtype);
/// Every element = value.
void fill_(Tensor& x, double value);
/// x *= factor.
void scale_(Tensor& x, double factor);
/// A tensor full of one value.
Tensor full(const Shape& shape, double value, DType dtype, Device device = kCpu);
inline Tensor zeros(const Shape& shape, DType dtype, Device device = kCpu) {
  return full(shape, 0, dtype, device);
}

namespace kernels {
void add_forward(Cpu&, const Tensor& a, const Tensor& b, Tensor& y);
void add_forward(Cuda&, const Tensor& a, const Tensor& b, Tensor& y);
void copy_forward(Cpu&, const Tensor& x, Tensor& y);
void copy_forward(Cuda&, const Tensor& x, Tensor& y);
void fill_forward(Cpu&, double value, Tensor& y);
void fill_forward(Cuda&, double value, Tensor& y);
void scale_forward(Cpu&, double factor, Tensor& y);
void scale_forward(Cuda&, double factor, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
