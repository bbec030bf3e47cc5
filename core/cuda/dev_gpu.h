// The GPU side of core/cuda/dev.h: thin wrappers around intrinsics and PTX. Compute capability 8.0
// and later.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "core/runtime/cuda.h"

#define DEV_KERNEL __global__
#define DEV_FN __device__ __forceinline__
#define DEV_UNROLL _Pragma("unroll")
/// A shared array of `count` T (a constant), one per block.
#define DEV_SHARED(T, name, count) __shared__ T name[count]
/// The dynamic shared memory of the block, aligned to 128 bytes.
#define DEV_DYNAMIC_SHARED(T, name)                                     \
  extern __shared__ __align__(128) unsigned char dev_dynamic_shared_[]; \
  T* name = reinterpret_cast<T*>(dev_dynamic_shared_)
/// Registers are held down so that `blocks` blocks of `threads` fit on a multiprocessor.
#define DEV_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)

namespace vicinity::dev {

DEV_FN int thread() { return static_cast<int>(threadIdx.x); }
DEV_FN int lane() { return static_cast<int>(threadIdx.x & 31); }
DEV_FN int warp() { return static_cast<int>(threadIdx.x >> 5); }
DEV_FN int64_t block() { return blockIdx.x; }
DEV_FN int block_size() { return static_cast<int>(blockDim.x); }
DEV_FN int64_t grid_size() { return gridDim.x; }

DEV_FN void sync() { __syncthreads(); }
DEV_FN void sync_warp() { __syncwarp(); }
template <class T>
DEV_FN T shuffle_xor(T x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}
template <class T>
DEV_FN T shuffle(T x, int source) {
  return __shfl_sync(0xffffffffu, x, source);
}
DEV_FN unsigned ballot(bool x) { return __ballot_sync(0xffffffffu, x); }

DEV_FN float to_float(bf16 x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }
DEV_FN bf16 to_bf16(float x) {
  bf16 y;
  y.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
  return y;
}
/// Two floats as the two halves of a register, the first one low: an mma operand.
DEV_FN uint32_t pack_bf16(float low, float high) {
  uint32_t y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
DEV_FN float as_float(uint32_t bits) { return __uint_as_float(bits); }
DEV_FN uint32_t as_bits(float x) { return __float_as_uint(x); }
/// 16 bytes to global memory in one access, which compilers split at times; `to` is aligned to 16.
DEV_FN void store_16(void* to, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};"
               :
               : "l"(__cvta_generic_to_global(to)), "r"(a), "r"(b), "r"(c), "r"(d)
               : "memory");
}

DEV_FN float exp(float x) { return ::expf(x); }
DEV_FN float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEV_FN float log2_fast(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEV_FN float log(float x) { return ::logf(x); }
DEV_FN float erf(float x) { return ::erff(x); }
/// Of 2 pi t.
DEV_FN void sin_cos_of_turns(float t, float& sin, float& cos) { ::sincospif(2 * t, &sin, &cos); }
DEV_FN float tanh(float x) { return ::tanhf(x); }
DEV_FN float sqrt(float x) { return __fsqrt_rn(x); }
DEV_FN double sqrt(double x) { return ::sqrt(x); }
DEV_FN double pow(double x, double y) { return ::pow(x, y); }
DEV_FN float rsqrt(float x) { return 1.0f / __fsqrt_rn(x); }
DEV_FN float divide(float x, float y) { return __fdiv_rn(x, y); }
/// Within an ulp; 0 where 1 / x is subnormal.
DEV_FN float reciprocal_fast(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
DEV_FN float max(float x, float y) { return fmaxf(x, y); }
DEV_FN float min(float x, float y) { return fminf(x, y); }
DEV_FN int max(int x, int y) { return x > y ? x : y; }
DEV_FN int min(int x, int y) { return x < y ? x : y; }
DEV_FN bool is_finite(double x) { return isfinite(x); }
/// x * y + z, rounded once.
DEV_FN float fma(float x, float y, float z) { return __fmaf_rn(x, y, z); }
/// Rounded after the product and after the sum, where CPU results are matched to the bit.
DEV_FN float multiply(float x, float y) { return __fmul_rn(x, y); }
DEV_FN float subtract(float x, float y) { return __fsub_rn(x, y); }

/// x, where the compiler cannot see what it was made of: it stays one register instead of being
/// mixed into each address that starts from it.
DEV_FN int opaque(int x) {
  asm volatile("" : "+r"(x));
  return x;
}

/// d += a b: mma.sync.m16n8k16, bf16 operands, f32 sums. Lane l holds, with g = l / 4 and t = l %
/// 4: a[0], a[1] rows g and g + 8 at columns 2t, 2t + 1; a[2], a[3] the same rows at columns + 8;
/// b[0], b[1] column g at rows 2t, 2t + 1 and + 8; d[0], d[1] row g at columns 2t, 2t + 1; d[2],
/// d[3] row g + 8.
DEV_FN void mma_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
/// Four 8 x 8 matrices of 16-bit values from shared memory: lane l gives the address of row l % 8
/// of matrix l / 8 (16 bytes, aligned) and gets, of each matrix, row l / 4, columns 2 (l % 4) and
/// + 1; transposed: column l / 4, rows 2 (l % 4) and + 1.
DEV_FN void load_matrices(uint32_t (&r)[4], const void* row) {
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
DEV_FN void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
/// 16 bytes from global to shared memory, there after a copies_wait() that covers it and a barrier.
/// Zeros are written where `valid` is false; `from` must be a readable address all the same.
DEV_FN void copy_16(void* to, const void* from, bool valid = true) {
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(at), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
DEV_FN void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most `pending` committed groups are still under way.
template <int pending>
DEV_FN void copies_wait() {
  asm volatile("cp.async.wait_group %0;" : : "n"(pending) : "memory");
}

/// Enqueues a kernel. DeviceError names it and its sizes where the device refuses them; a device
/// that failed at earlier work says so here too.
template <class... Parameters, class... Arguments>
void launch(Cuda& cuda, const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            const Arguments&... arguments) {
  auto check = [&](cudaError_t error) {
    VIC_CHECK(DeviceError, error == cudaSuccess, "kernel ", name, " on ", shape.blocks,
              " blocks of ", shape.threads, " threads with ", shape.shared,
              " bytes of shared memory, or work before it: ", cudaGetErrorString(error));
  };
  check(0 < shape.blocks && shape.blocks <= INT32_MAX ? cudaSuccess
                                                      : cudaErrorInvalidConfiguration);
  if (shape.shared > 32 * 1024) {  // without asking there are 48 KB, arrays of the source included
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                               cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared)));
  }
  kernel<<<static_cast<unsigned>(shape.blocks), shape.threads, shape.shared,
           reinterpret_cast<cudaStream_t>(cuda.stream())>>>(static_cast<Parameters>(arguments)...);
  check(cudaGetLastError());
}

}  // namespace vicinity::dev
