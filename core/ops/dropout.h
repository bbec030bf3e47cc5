// Elements set to zero at random, the others scaled up.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// y = x * factors, element by element, rounded once; its own gradient. x: any shape and float
/// dtype; factors: as x, in accumulator_of(its dtype), 0 or 1 / (1 - rate). Traffic: 2 * x.bytes()
/// + factors.bytes(). ShapeError where the shapes differ. Srivastava et al. 2014, JMLR 15.
Tensor dropout(const Tensor& x, const Tensor& factors);

namespace kernels {
void dropout(Cpu&, const Tensor& x, const Tensor& factors, Tensor& y);
void dropout(Cuda&, const Tensor& x, const Tensor& factors, Tensor& y);
}  // namespace kernels

}  // namespace vicinity
