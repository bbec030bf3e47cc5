// All that CUDA kernels may use beyond plain C++, so that the same sources run on a GPU (nvcc) and,
// for tests, on the CPU (g++ with tests/simt): no other file says __shared__, <<<>>> or asm.
//
// Rules for kernels: launch() with its sizes; DEV_KERNEL functions return void and take values;
// every thread of a block reaches the same sync(); every lane of a warp reaches the same warp op;
// blocks never wait for each other; no atomics on floats: partial results go to an array by block,
// a second kernel adds them in order.
#pragma once

#include <cstdint>

#include "core/base/error.h"
#include "core/runtime/cuda.h"
#include "core/tensor/dtype.h"

#if defined(__CUDACC__)
#include "core/cuda/dev_gpu.h"
#else
#include <simt/dev_emulated.h>
#endif

namespace vicinity::dev {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

template <class A, class B>
DEV_FN constexpr auto ceil_div(A a, B b) {
  return (a + b - 1) / b;
}

/// Values in registers are floats, whatever the storage.
DEV_FN float to_float(float x) { return x; }
template <class T>
DEV_FN T from_float(float x);
template <>
DEV_FN float from_float<float>(float x) {
  return x;
}
template <>
DEV_FN bf16 from_float<bf16>(float x) {
  return to_bf16(x);
}
/// 16 bytes, moved as one.
struct alignas(16) Chunk {
  uint32_t words[4];
};

/// Sum and maximum over the lanes of a warp, the same bits in every lane: a butterfly, so each lane
/// adds the same pairs.
DEV_FN float warp_sum(float x) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) x += shuffle_xor(x, mask);
  return x;
}
DEV_FN float warp_max(float x) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) x = max(x, shuffle_xor(x, mask));
  return x;
}
/// Sum over a block of whole warps, in every thread. `scratch`: kWarp floats of shared memory, free
/// to be used again after the next sync(). Two barriers.
DEV_FN float block_sum(float x, float* scratch) {
  x = warp_sum(x);
  if (lane() == 0) scratch[warp()] = x;
  sync();
  const int warps = block_size() / kWarp;
  x = warp_sum(lane() < warps ? scratch[lane()] : 0.0f);
  sync();
  return x;
}

}  // namespace vicinity::dev

namespace vicinity {

/// Calls f.template operator()<T>() with the storage types that kernels are built for; DTypeError
/// for others (f64 exists on the CPU only).
template <class F>
void for_cuda_dtype(DType dtype, F&& f) {
  if (dtype == DType::f32) return f.template operator()<float>();
  VIC_CHECK(DTypeError, dtype == DType::bf16, "CUDA kernels compute in f32 and bf16, not in ",
            dtype, " (f64 exists on the CPU, for gradient checks)");
  f.template operator()<bf16>();
}

/// The pointer of an optional tensor: null where it is absent.
template <class T>
T* data_or_null(Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}
template <class T>
const T* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<T>() : nullptr;
}

}  // namespace vicinity
