#include "core/cpu/token_product.h"

#include <immintrin.h>

#include <memory>
#include <vector>

#include "core/cpu/token_product_tiles.h"

namespace vicinity::kernels {
namespace {

struct Avx2 {
  using Element = float;
  using Vector = __m256;
  static constexpr int kLanes = 8, kMaxRows = 6;

  static __m256i first(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector load_some(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }
  static Vector load_sum(const float* p) { return load(p); }
  static Vector load_some_sum(const float* p, int n) { return load_some(p, n); }
  static Vector broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
  static void store_some(float* p, Vector v, int n) { _mm256_maskstore_ps(p, first(n), v); }
};

}  // namespace

void token_product_avx2(const TokenProduct<float>& p) { multiply_tokens<Avx2>(p); }

void token_product_avx2(const TokenProduct<bf16>& p, float* scratch) {
  multiply_widened<Avx2>(p, scratch);
}

void token_product(const TokenProduct<float>& p) {
  cpu_isa() == Isa::avx2 ? token_product_avx2(p) : token_product_avx512(p);
}

void token_product(const TokenProduct<bf16>& p) {
  thread_local std::vector<float> wide;
  thread_local std::vector<uint32_t> pairs;
  const size_t size = token_product_scratch(p.outputs, p.inputs);
  if (cpu_isa() == Isa::avx512_bf16) {
    pairs.resize(size);
    void* line = pairs.data();
    size_t space = pairs.size() * sizeof(uint32_t);
    return token_product_avx512bf16(p,
                                    static_cast<uint32_t*>(std::align(64, size_t{1}, line, space)));
  }
  wide.resize(size);
  cpu_isa() == Isa::avx2 ? token_product_avx2(p, wide.data())
                         : token_product_avx512(p, wide.data());
}

}  // namespace vicinity::kernels
