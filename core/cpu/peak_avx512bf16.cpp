// Compiled for AVX-512 with bf16; called only where cpuid says so.
#include <immintrin.h>

#include "core/cpu/peak.h"

namespace vicinity::kernels {

double spin_f32_avx512(int64_t rounds) {
  constexpr int kChains = 12;
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1e-9f);
  const __m512 a = _mm512_set1_ps(1.0001f), b = _mm512_set1_ps(1e-9f);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  }
  for (__m512& sum : sums) asm volatile("" : : "v"(sum));
  return static_cast<double>(rounds) * kChains * 32;
}

double spin_bf16(int64_t rounds) {
  constexpr int kChains = 12;
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const auto ones = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (int64_t i = 0; i < rounds; ++i) {
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, ones, ones);
  }
  for (__m512& sum : sums) asm volatile("" : : "v"(sum));
  return static_cast<double>(rounds) * kChains * 64;
}

}  // namespace vicinity::kernels
