// Compiled for AVX-512 with bf16; called only where cpuid says so. The f32 version needs AVX-512
// alone.
#include <immintrin.h>

#include "core/cpu/token_product.h"
#include "core/cpu/token_product_tiles.h"

namespace vicinity::kernels {
namespace {

__mmask16 first(int count) { return static_cast<__mmask16>((1u << count) - 1u); }

// Sums are f32 whatever the operands are.
struct Avx512Sums {
  using Vector = __m512;
  static constexpr int kLanes = 16, kMaxRows = 12;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load_sum(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_some_sum(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
  static void store_some(float* p, Vector v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }
};

struct Avx512 : Avx512Sums {
  using Element = float;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector load_some(const float* p, int n) { return load_some_sum(p, n); }
  static Vector broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
};

// An element is a pair of bf16: two tokens.
struct Avx512Pairs : Avx512Sums {
  using Element = uint32_t;
  static __m512i load(const uint32_t* p) { return _mm512_loadu_si512(p); }
  static __m512i load_some(const uint32_t* p, int n) {
    return _mm512_maskz_loadu_epi32(first(n), p);
  }
  static __m512i broadcast(const uint32_t* p) { return _mm512_set1_epi32(static_cast<int>(*p)); }
  static Vector multiply_add(__m512i a, __m512i b, Vector c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
  }
};

// pairs[s, i] = (in[2s, i], in[2s + 1, i]); a missing last token counts as zero.
void pair_up(const bf16* in, int64_t stride, int64_t tokens, int64_t width, uint32_t* pairs) {
  for (int64_t t = 0; t < tokens; t += 2, in += 2 * stride, pairs += width) {
    if (t + 1 < tokens) {
      for (int64_t i = 0; i < width; ++i)
        pairs[i] = in[i].bits | static_cast<uint32_t>(in[stride + i].bits) << 16;
    } else {
      for (int64_t i = 0; i < width; ++i) pairs[i] = in[i].bits;
    }
  }
}

}  // namespace

void token_product_avx512(const TokenProduct<float>& p) { multiply_tokens<Avx512>(p); }

void token_product_avx512(const TokenProduct<bf16>& p, float* scratch) {
  multiply_widened<Avx512>(p, scratch);
}

void token_product_avx512bf16(const TokenProduct<bf16>& p, uint32_t* scratch) {
  uint32_t *a = scratch, *b = scratch + kBlockSteps * p.outputs;
  for (int64_t begin = 0; begin < p.tokens; begin += 2 * kBlockSteps) {
    const int64_t count = p.tokens - begin < 2 * kBlockSteps ? p.tokens - begin : 2 * kBlockSteps;
    const bf16 *dy = p.dy + begin * p.dy_stride, *x = p.x + begin * p.inputs;
    pair_up(dy, p.dy_stride, count, p.outputs, a);
    pair_up(x, p.inputs, count, p.inputs, b);
    multiply_block<Avx512Pairs>({a, b, p.outputs, p.inputs, (count + 1) / 2, p.out, p.inputs,
                                 begin == 0, 0, ahead_of(dy + count * p.dy_stride, 2 * p.dy_stride),
                                 ahead_of(x + count * p.inputs, 2 * p.inputs)},
                                p.outputs, p.inputs);
  }
}

}  // namespace vicinity::kernels
