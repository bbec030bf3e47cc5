// Cross-entropy of logits against hard, smoothed, mixed or dense targets.
#pragma once

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// t = (1 - smoothing) (w onehot(first) + (1 - w) onehot(second)) + smoothing / K, or `dense` as it
/// stands.
struct Targets {
  Tensor first;          // i32 [B]
  Tensor second;         // i32 [B] or absent
  Tensor weight;         // f32 [B], w; with second
  double smoothing = 0;  // Szegedy et al. 2016, arXiv:1512.00567, sec. 7
  Tensor dense;          // [B, K] like the logits, or absent
};

/// loss[b] = -sum_k t[b, k] log softmax(logits[b])[k].  logits: [B, K], f32 or f64 -> [B].
/// DataError names a label outside 0..K-1.
Tensor cross_entropy(const Tensor& logits, const Targets& targets);
/// dlogits = dlosses[b] (softmax(logits[b]) sum_k t[b, k] - t[b]).
Tensor cross_entropy_backward(const Tensor& dlosses, const Tensor& logits, const Targets& targets);

/// y = factor * sum of x, in order. x: [B], f32 or f64 -> [1].
Tensor sum_scaled(const Tensor& x, double factor);
/// dx[b] = factor * dy. dy: [1] -> [B].
Tensor sum_scaled_backward(const Tensor& dy, int64_t count, double factor);

namespace kernels {
void cross_entropy_forward(Cpu&, const Tensor& logits, const Targets& targets, Tensor& losses);
void cross_entropy_forward(Cuda&, const Tensor& logits, const Targets& targets, Tensor& losses);
void cross_entropy_backward(Cpu&, const Tensor& dlosses, const Tensor& logits,
                            const Targets& targets, Tensor& dlogits);
void cross_entropy_backward(Cuda&, const Tensor& dlosses, const Tensor& logits,
                            const Targets& targets, Tensor& dlogits);
void sum_scaled(Cpu&, const Tensor& x, double factor, Tensor& y);
void sum_scaled(Cuda&, const Tensor& x, double factor, Tensor& y);
void sum_scaled_backward(Cpu&, const Tensor& dy, double factor, Tensor& dx);
void sum_scaled_backward(Cuda&, const Tensor& dy, double factor, Tensor& dx);
}  // namespace kernels

}  // namespace vicinity
