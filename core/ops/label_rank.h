// Where the right class stands among a network's guesses.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// ranks[b] = how many classes come before labels[b]: those with a larger logit, or an equal one
/// and a smaller index; a logit that is not a number comes before nothing. 0: the first guess is
/// right; < 5: one of the first five. logits: [B, K], f32 or (CPU) f64; labels: i32 [B] in 0..K-1,
/// DataError names another one on the CPU -> i32 [B]. Traffic: logits.bytes().
Tensor label_rank(const Tensor& logits, const Tensor& labels);

namespace kernels {
void label_rank(Cpu&, const Tensor& logits, const Tensor& labels, Tensor& ranks);
void label_rank(Cuda&, const Tensor& logits, const Tensor& labels, Tensor& ranks);
}  // namespace kernels

}  // namespace vicinity
