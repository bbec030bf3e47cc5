// The matrix products of every layer, through cublasLt.
//   bytes     each operand and the result once
//   numerics  f32 sums (no TF32); bf16 results round once. The bias joins before that rounding, and
//             is bf16 itself where the result is (cublasLt adds it in the result's type)
#include "core/cuda/dev.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"

namespace vicinity::kernels {

void linear_forward(Cuda& cuda, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y) {
  const Tensor added = bias.defined() ? cast(bias, y.dtype()) : Tensor();
  cuda.gemm({.m = x.rows(),
             .n = w.dim(0),
             .k = w.dim(1),
             .a = x.raw(),
             .b = w.raw(),
             .c = y.raw(),
             .b_transposed = true,
             .in = x.dtype(),
             .out = y.dtype(),
             .bias = added.defined() ? added.raw() : nullptr});
}

void linear_backward_input(Cuda& cuda, const Tensor& dy, const Tensor& w, Tensor& dx) {
  cuda.gemm({.m = dy.rows(),
             .n = w.dim(1),
             .k = w.dim(0),
             .a = dy.raw(),
             .b = w.raw(),
             .c = dx.raw(),
             .in = dy.dtype(),
             .out = dx.dtype()});
}

void linear_backward_weight(Cuda& cuda, const Tensor& dy, const Tensor& x, Tensor& dw) {
  cuda.gemm({.m = dy.dim(-1),
             .n = x.dim(-1),
             .k = x.rows(),
             .a = dy.raw(),
             .b = x.raw(),
             .c = dw.raw(),
             .a_transposed = true,
             .in = x.dtype(),
             .out = dw.dtype()});
}

}  // namespace vicinity::kernels
