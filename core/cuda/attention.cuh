// What the kernels of full attention share: sizes, one head inside the tensors, and the launchers
// of the bf16 kernels (core/cuda/attention_tiles.cu).
#pragma once

#include "core/cuda/dev.h"
#include "core/tensor/tensor.h"

namespace vicinity::kernels {

/// An item is a head of an image; they are numbered head by head, image by image.
struct AttentionShape {
  int64_t batch;
  int tokens, heads, head_dim;

  constexpr int width() const { return heads * head_dim; }
  constexpr int64_t items() const { return batch * heads; }
};

/// The rows of one item inside a tensor, one for each token.
template <class T>
struct HeadRows {
  T* data;
  int stride, tokens, head_dim;

  DEV_FN T* row(int token) const { return data + int64_t{token} * stride; }
};

/// Of q (part 0), k (1) or v (2) inside [B, N, 3C].
template <class T>
DEV_FN HeadRows<T> packed_head(T* qkv, const AttentionShape& shape, int item, int part) {
  const int image = item / shape.heads, head = item % shape.heads, stride = 3 * shape.width();
  const int column = part * shape.width() + head * shape.head_dim;
  return {qkv + int64_t{image} * shape.tokens * stride + column, stride, shape.tokens,
          shape.head_dim};
}
/// Of [B, N, C].
template <class T>
DEV_FN HeadRows<T> merged_head(T* x, const AttentionShape& shape, int item) {
  const int image = item / shape.heads, head = item % shape.heads, stride = shape.width();
  return {x + int64_t{image} * shape.tokens * stride + head * shape.head_dim, stride, shape.tokens,
          shape.head_dim};
}

/// The bf16 kernels, where they fit.
bool attention_tiles_fit(DType dtype, const AttentionShape& shape);
void attention_tiles_forward(Cuda& cuda, const Tensor& qkv, const AttentionShape& shape,
                             Tensor& out);
void attention_tiles_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv,
                              const AttentionShape& shape, Tensor& dqkv);

}  // namespace vicinity::kernels
