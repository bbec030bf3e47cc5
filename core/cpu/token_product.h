// Weight gradients of narrow layers: sums over very many tokens of small outer products. oneDNN
// transposes and copies an operand first, which costs as much as a third of such a product.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/runtime/isa.h"
#include "core/tensor/dtype.h"

namespace vicinity::kernels {

/// out[n, k] = sum over t of dy[t, n] x[t, k], added in the order of t, in fp32.
template <class T>
struct TokenProduct {
  const T* dy;  // [tokens, outputs], rows dy_stride apart
  int64_t dy_stride;
  const T* x;  // [tokens, inputs], rows x_stride apart
  int64_t x_stride;
  int64_t tokens, outputs, inputs;  // at least 1 each
  float* out;                       // [outputs, inputs], rows out_stride apart
  int64_t out_stride;
};

/// On the calling thread alone. f32 operands are read in place; bf16 ones are paired up by tokens,
/// block by block, for the dot product instruction, or widened where the CPU has none.
void token_product(const TokenProduct<float>& p);
void token_product(const TokenProduct<bf16>& p);

/// The same for one instruction set each.
void token_product_avx2(const TokenProduct<float>& p);
void token_product_avx512(const TokenProduct<float>& p);
void token_product_avx512bf16(const TokenProduct<bf16>& p, uint32_t* scratch);
/// bf16 with scratch of token_product_scratch() widened or paired elements.
void token_product_avx2(const TokenProduct<bf16>& p, float* scratch);
void token_product_avx512(const TokenProduct<bf16>& p, float* scratch);

/// Tokens, or pairs of them, per block: a block of both operands stays in the second-level cache.
inline constexpr int64_t kBlockSteps = 128;

/// Pairs are padded to whole vectors, and lie at the begin of a cache line.
constexpr size_t token_product_scratch(int64_t outputs, int64_t inputs) {
  return static_cast<size_t>(kBlockSteps * ((outputs + 15) / 16 + (inputs + 15) / 16 + 1) * 16);
}

}  // namespace vicinity::kernels
