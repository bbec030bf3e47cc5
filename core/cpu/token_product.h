// Weight gradients of narrow layers: sums over very many tokens of small outer products. oneDNN
// transposes and copies an operand first, which costs as much as a third of such a product.
#pragma once

#include <cstdint>

#include "core/runtime/isa.h"
#include "core/tensor/dtype.h"

namespace vicinity::kernels {

/// out[n, k] = sum over t of dy[t, n] x[t, k], added in the order of t, in fp32.
template <class T>
struct TokenProduct {
  const T* dy;  // [tokens, outputs], rows dy_stride apart
  int64_t dy_stride;
  const T* x;                       // [tokens, inputs], dense
  int64_t tokens, outputs, inputs;  // at least 1 each
  float* out;                       // [outputs, inputs], dense
};

/// On the calling thread alone. f32 operands are read in place; bf16 ones are paired up by tokens,
/// block by block, for the dot product instruction, or widened where the CPU has none.
void token_product(const TokenProduct<float>& p);
void token_product(const TokenProduct<bf16>& p);

/// The same for one instruction set each.
void token_product_avx2(const TokenProduct<float>& p);
void token_product_avx512(const TokenProduct<float>& p);
void token_product_avx512bf16(const TokenProduct<bf16>& p, uint32_t* scratch);
/// bf16 with scratch for kBlockSteps * (outputs + inputs) widened or paired elements.
void token_product_avx2(const TokenProduct<bf16>& p, float* scratch);
void token_product_avx512(const TokenProduct<bf16>& p, float* scratch);

/// Tokens, or pairs of them, per block: a block of both operands stays in the second-level cache.
inline constexpr int64_t kBlockSteps = 128;

}  // namespace vicinity::kernels
