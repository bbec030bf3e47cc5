// Sum of squares of a flat gradient: its norm, and whether all of it is finite.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// sum of x^2 in fp64, partial sums of fixed chunks added in order; inf or nan if an element is. 0
/// on the plan device.
double sum_of_squares(const Tensor& x);

namespace kernels {
double sum_of_squares(Cpu&, const Tensor& x);
}

}  // namespace vicinity
