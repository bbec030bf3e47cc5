// What the GPU reaches at best: the yardstick of `vicinity doctor` and of benchmarks.
#pragma once

#include "core/runtime/cuda.h"

namespace vicinity {

struct CudaPeak {
  double bf16_tflops = 0;  // a square product of cublasLt, bf16 into bf16
  double copy_gbytes = 0;  // read and written, per second
};
/// Takes about a second.
CudaPeak measure_peak(Cuda& cuda);

}  // namespace vicinity
