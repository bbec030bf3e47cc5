// Exponential moving average of flat parameters.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// average += (1 - decay) (param - average): where both are equal they stay so, to the bit. [n],
/// f32 or f64, in place. grad_scale: f64 [1] on the same device, or absent; where it is not a
/// number (core/ops/grad_norm.h) nothing changes. Traffic: 3 * param.bytes(). ShapeError where the
/// shapes differ.
void ema_(Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale);

namespace kernels {
void ema(Cpu&, Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale);
void ema(Cuda&, Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale);
}  // namespace kernels

}  // namespace vicinity
