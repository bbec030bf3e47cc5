// Tensors full of random numbers: each element is a function of (seed, purpose, stream, its index).
#pragma once

#include "core/base/random.h"
#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// Names a sequence of draws; elements i of two tensors filled from one stream are equal.
struct RandomStream {
  uint64_t seed = 0;
  Purpose purpose = Purpose::initialisation;
  uint64_t stream = 0;
};

/// x[i] ~ N(0, deviation^2): Philox block i / 4 at counter (block, stream), then Box & Muller 1958
/// on 23- and 24-bit uniforms, in float for every dtype, so that f32 and f64 get the same values.
/// No draw lies further out than 5.8 deviations. x: float. Traffic: x.bytes().
void normal_(Tensor& x, double deviation, const RandomStream& stream);
/// x[i] ~ U[low, high), in steps of (high - low) / 2^24.
void uniform_(Tensor& x, double low, double high, const RandomStream& stream);

namespace kernels {
void normal_forward(Cpu&, double deviation, const RandomStream& stream, Tensor& x);
void uniform_forward(Cpu&, double low, double high, const RandomStream& stream, Tensor& x);
}  // namespace kernels

}  // namespace vicinity
