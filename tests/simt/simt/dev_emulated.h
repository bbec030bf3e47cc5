// The CPU side of core/cuda/dev.h: kernels run on fibers (tests/simt/emulator.h), the same API.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>

#include "core/runtime/cuda.h"
#include "core/tensor/dtype.h"
#include "tests/simt/emulator.h"

#define DEV_KERNEL
#define DEV_FN inline
#define DEV_UNROLL
#define DEV_SHARED(T, name, count) \
  T* name = static_cast<T*>(::vicinity::simt::shared_array([] {}, sizeof(T) * (count)))
#define DEV_DYNAMIC_SHARED(T, name) \
  T* name = reinterpret_cast<T*>(::vicinity::simt::dynamic_shared())
#define DEV_BOUNDS(threads, blocks)

namespace vicinity::dev {

inline int thread() { return simt::current_thread(); }
inline int lane() { return simt::current_thread() & 31; }
inline int warp() { return simt::current_thread() >> 5; }
inline int64_t block() { return simt::current_block(); }
inline int block_size() { return simt::block_threads(); }
inline int64_t grid_size() { return simt::grid_blocks(); }

inline void sync(int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  simt::block_barrier(file, line);
}
inline void sync_warp(int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  simt::warp_meet({}, "sync_warp", file, line);
}
template <class T>
T exchange(const char* op, T x, int source, int line, const char* file) {
  static_assert(sizeof(T) <= sizeof(simt::LaneWords));
  simt::LaneWords mine{};
  std::memcpy(mine.data(), &x, sizeof x);
  const simt::LaneWords* lanes = simt::warp_meet(mine, op, file, line);
  T y;
  std::memcpy(&y, lanes[source & 31].data(), sizeof y);
  return y;
}
template <class T>
T shuffle_xor(T x, int mask, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  return exchange("shuffle_xor", x, lane() ^ mask, line, file);
}
template <class T>
T shuffle(T x, int source, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  return exchange("shuffle", x, source, line, file);
}
inline unsigned ballot(bool x, int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  const simt::LaneWords* lanes = simt::warp_meet({x}, "ballot", file, line);
  unsigned bits = 0;
  for (int i = 0; i < 32; ++i) bits |= lanes[i][0] << i;
  return bits;
}

inline float to_float(bf16 x) { return static_cast<float>(x); }
inline bf16 to_bf16(float x) { return bf16(x); }
inline uint32_t pack_bf16(float low, float high) {
  return static_cast<uint32_t>(bf16(low).bits) | static_cast<uint32_t>(bf16(high).bits) << 16;
}
inline float as_float(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t as_bits(float x) { return std::bit_cast<uint32_t>(x); }
inline void store_16(void* to, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const uint32_t words[4] = {a, b, c, d};
  std::memcpy(to, words, sizeof words);
}

inline float exp(float x) { return std::exp(x); }
inline float exp2_fast(float x) { return std::exp2(x); }
inline float log2_fast(float x) { return std::log2(x); }
inline float log(float x) { return std::log(x); }
inline float erf(float x) { return std::erf(x); }
inline void sin_cos_of_turns(float t, float& sin, float& cos) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(t);
  sin = static_cast<float>(std::sin(angle));
  cos = static_cast<float>(std::cos(angle));
}
inline float tanh(float x) { return std::tanh(x); }
inline float sqrt(float x) { return std::sqrt(x); }
inline double sqrt(double x) { return std::sqrt(x); }
inline double pow(double x, double y) { return std::pow(x, y); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline float divide(float x, float y) { return x / y; }
inline float reciprocal_fast(float x) { return 1.0f / x; }
inline float max(float x, float y) { return std::fmax(x, y); }
inline float min(float x, float y) { return std::fmin(x, y); }
inline int max(int x, int y) { return x > y ? x : y; }
inline int min(int x, int y) { return x < y ? x : y; }
inline bool is_finite(double x) { return std::isfinite(x); }
inline float fma(float x, float y, float z) { return std::fma(x, y, z); }
inline float multiply(float x, float y) {
  float product = x * y;
  asm("" : "+x"(product));  // or g++ makes a fused multiply-add of it and of the sum that follows
  return product;
}
inline float subtract(float x, float y) { return x - y; }

inline int opaque(int x) { return x; }

inline void mma_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      int line = __builtin_LINE(), const char* file = __builtin_FILE()) {
  simt::mma_16816(d, a, b, file, line);
}
inline void load_matrices(uint32_t (&r)[4], const void* row, int line = __builtin_LINE(),
                          const char* file = __builtin_FILE()) {
  simt::load_matrices(r, row, false, file, line);
}
inline void load_matrices_transposed(uint32_t (&r)[4], const void* row, int line = __builtin_LINE(),
                                     const char* file = __builtin_FILE()) {
  simt::load_matrices(r, row, true, file, line);
}
inline void copy_16(void* to, const void* from, bool valid = true, int line = __builtin_LINE(),
                    const char* file = __builtin_FILE()) {
  simt::copy_16(to, from, valid, file, line);
}
inline void copies_commit() { simt::copies_commit(); }
template <int pending>
void copies_wait() {
  simt::copies_wait(pending);
}

template <class... Parameters, class... Arguments>
void launch(Cuda& cuda, const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            const Arguments&... arguments) {
  simt::check_launch(name, shape.blocks, shape.threads, shape.shared);
  simt::enqueue(cuda.stream(), [=, ... values = static_cast<Parameters>(arguments)] {
    simt::run_grid(name, shape.blocks, shape.threads, shape.shared, [&] { kernel(values...); });
  });
}

}  // namespace vicinity::dev
