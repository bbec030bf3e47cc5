// A matrix turned over, for products that read one of their operands the other way.
#pragma once

#include "core/runtime/cpu.h"
#include "core/tensor/tensor.h"

namespace vicinity::kernels {

/// out[j, i] = a[i, j]. a: [rows, columns], out: [columns, rows], both f32 or both bf16. Moves 2
/// rows columns elements; out must not lie over a.
void transpose(Cpu& cpu, const Tensor& a, Tensor& out);

}  // namespace vicinity::kernels
