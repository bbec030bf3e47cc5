// The window rule of neighborhood attention (core/ops/neighborhood_attention.h) as its kernels use
// it, and the sum of bias gradients. Rows and columns follow the same rule, each on its own, in
// positions within a dilation group.
#pragma once

#include "core/cuda/dev.h"
#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels {

/// Positions of the group that starts at token `phase` of an axis.
DEV_FN constexpr int group_length(int tokens, int phase, int dilation) {
  return (tokens - phase + dilation - 1) / dilation;
}

/// The first of the `kernel` keys that a query sees.
DEV_FN constexpr int window_start(int query, int length, int kernel) {
  const int centred = query - kernel / 2, last = length - kernel;
  return centred < 0 ? 0 : centred > last ? last : centred;
}

/// The queries that see a key: [first_query, end_query). Keys near a border are seen from further
/// away: up to kernel + kernel / 2 queries see one key.
DEV_FN constexpr int first_query(int key, int kernel) {
  return key < kernel ? 0 : key - kernel / 2;
}
DEV_FN constexpr int end_query(int key, int length, int kernel) {
  return key >= length - kernel ? length : key + kernel / 2 + 1;
}

/// A map and its window, as kernels take them.
struct WindowSizes {
  int images, height, width, heads, head_dim, kernel, dilation;

  DEV_FN constexpr int64_t tokens() const { return int64_t{images} * height * width; }
  DEV_FN constexpr int channels() const { return heads * head_dim; }
  DEV_FN constexpr int bias_side() const { return 2 * kernel - 1; }
};

inline WindowSizes window_sizes(const Tensor& qkv, const NeighborhoodWindow& window) {
  const auto size = [](int64_t x) { return static_cast<int>(x); };
  return {.images = size(qkv.dim(0)),
          .height = size(qkv.dim(1)),
          .width = size(qkv.dim(2)),
          .heads = size(window.heads),
          .head_dim = size(qkv.dim(3) / (3 * window.heads)),
          .kernel = size(window.kernel),
          .dilation = size(window.dilation)};
}

/// The tokens of one image that attend to each other.
struct DilationGroup {
  int64_t origin;  // the token at (0, 0), counted over all images
  int rows, cols;
  int row_stride, stride;  // tokens

  DEV_FN int64_t token(int row, int col) const {
    return origin + (row * row_stride + col * stride);
  }
};

DEV_FN DilationGroup dilation_group(const WindowSizes& s, int image, int phase_y, int phase_x) {
  return {(int64_t{image} * s.height + phase_y) * s.width + phase_x,
          group_length(s.height, phase_y, s.dilation), group_length(s.width, phase_x, s.dilation),
          s.dilation * s.width, s.dilation};
}

/// drpb [heads, side, side] = the sum over parts of partials [parts, heads, side * side], in order.
void reduce_bias_partials(Cuda& cuda, const Tensor& partials, Tensor& drpb);

}  // namespace vicinity::kernels
