// What the generic kernels of neighborhood attention share: one query (or key) and head for a warp.
// Scores: a lane per key. Sums over keys: a lane per channel.
#pragma once

#include <cmath>

#include "core/cuda/neighborhood_window.cuh"

namespace vicinity::kernels::generic {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * dev::kWarp;

/// One query or key, and one head.
template <class T>
struct Place {
  WindowSizes s;
  const T* qkv;
  int64_t token;
  int head;
  DilationGroup group;
  int row, col;

  DEV_FN Place(const WindowSizes& sizes, const T* all, int64_t at_token, int at_head)
      : s(sizes), qkv(all), token(at_token), head(at_head) {
    const int x = static_cast<int>(token % s.width);
    const int64_t line = token / s.width;
    const int y = static_cast<int>(line % s.height);
    group = dilation_group(s, static_cast<int>(line / s.height), y % s.dilation, x % s.dilation);
    row = y / s.dilation;
    col = x / s.dilation;
  }
  /// Where the head's channels of q (0), k (1) or v (2) begin.
  DEV_FN int64_t offset(int64_t of, int part) const {
    return (of * 3 + part) * s.channels() + head * s.head_dim;
  }
  DEV_FN int64_t out_offset(int64_t of) const { return of * s.channels() + head * s.head_dim; }
  DEV_FN int window_row() const { return window_start(row, group.rows, s.kernel); }
  DEV_FN int window_col() const { return window_start(col, group.cols, s.kernel); }
  DEV_FN int64_t key(int i) const {
    return group.token(window_row() + i / s.kernel, window_col() + i % s.kernel);
  }
};

template <class T>
DEV_FN float dot(const float* a, const T* b, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += a[i] * dev::to_float(b[i]);
  return sum;
}

template <class T>
DEV_FN void load_row(const T* from, float* to, int n) {
  for (int i = dev::lane(); i < n; i += dev::kWarp) to[i] = dev::to_float(from[i]);
}

/// p = the probabilities of the query's keys, q its channels, both of the warp; the logarithm of
/// the sum of exponentials.
template <class T>
DEV_FN float window_softmax(const Place<T>& at, const float* rpb, float scale, const float* q,
                            float* p) {
  const int kernel = at.s.kernel, keys = kernel * kernel, side = at.s.bias_side();
  const int up = at.window_row() - at.row + kernel - 1,
            left = at.window_col() - at.col + kernel - 1;
  float top = -INFINITY;
  for (int i = dev::lane(); i < keys; i += dev::kWarp) {
    p[i] = scale * dot(q, at.qkv + at.offset(at.key(i), 1), at.s.head_dim);
    if (rpb != nullptr) p[i] += rpb[(at.head * side + up + i / kernel) * side + left + i % kernel];
    top = dev::max(top, p[i]);
  }
  top = dev::warp_max(top);
  float sum = 0;
  for (int i = dev::lane(); i < keys; i += dev::kWarp) {
    p[i] = dev::exp(p[i] - top);
    sum += p[i];
  }
  sum = dev::warp_sum(sum);
  for (int i = dev::lane(); i < keys; i += dev::kWarp) p[i] = dev::divide(p[i], sum);
  dev::sync_warp();
  return top + dev::log(sum);
}

/// to[c] = factor * sum over keys of weights[key] * (k or v)[key][c].
template <class T>
DEV_FN void gather_keys(const Place<T>& at, const float* weights, int part, float factor, T* to) {
  const T* first = at.qkv + at.offset(at.key(0), part);
  const int64_t down = int64_t{3} * at.group.row_stride * at.s.channels();
  const int64_t right = int64_t{3} * at.group.stride * at.s.channels();
  for (int c = dev::lane(); c < at.s.head_dim; c += dev::kWarp) {
    float sum = 0;
    for (int i = 0; i < at.s.kernel; ++i) {
      const T* from = first + i * down + c;
      for (int j = 0; j < at.s.kernel; ++j) {
        sum += weights[i * at.s.kernel + j] * dev::to_float(from[j * right]);
      }
    }
    to[c] = dev::from_float<T>(factor * sum);
  }
}

inline float score_scale(const WindowSizes& s) {
  return 1 / std::sqrt(static_cast<float>(s.head_dim));
}

/// A warp for each token and head; `floats` of shared memory for each warp.
inline LaunchShape warp_each(const WindowSizes& s, int floats) {
  return {dev::ceil_div(s.tokens() * s.heads, int64_t{kWarps}), kThreads,
          sizeof(float) * static_cast<size_t>(kWarps * floats)};
}

}  // namespace vicinity::kernels::generic
