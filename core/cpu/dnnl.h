// Matrix products through oneDNN, with primitives cached by everything that they are made from.
#pragma once

#include "core/runtime/cpu.h"
#include "core/tensor/tensor.h"

namespace vicinity::kernels {

/// A matrix, or a batch of them over one or two axes, in memory: element (o, b, i, j) at
/// data[o * outer_stride + b * batch_stride + i * row_stride + j * col_stride].
struct Matrix {
  void* data = nullptr;
  DType dtype = DType::f32;
  int64_t row_stride = 0;
  int64_t col_stride = 1;
  int64_t batch_stride = 0;
  int64_t outer_stride = 0;
};

struct MatmulSize {
  int64_t batch = 1;
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  int64_t outer = 1;
};

/// c = a b (+ bias over columns). a: [outer, batch, m, k], b: [outer, batch, k, n], c: [outer,
/// batch, m, n]; f32 or bf16 with fp32 accumulation; bias [n] f32 or null. f64: plain loops. Where
/// the CPU cannot multiply bf16, operands are widened.
void matmul(Cpu& cpu, const MatmulSize& size, const Matrix& a, const Matrix& b, const Matrix& c,
            const void* bias = nullptr);

/// The same on the calling thread alone, for use inside parallel_for: where a product is small, or
/// oneDNN would split its sums by the number of threads.
void matmul_on_one_thread(const MatmulSize& size, const Matrix& a, const Matrix& b,
                          const Matrix& c);

}  // namespace vicinity::kernels
