// Dilation groups of a map, to planes and back.
#pragma once

#include "core/cpu/registers.h"
#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels {

/// Where a plane's tokens lie in the map: rows residue_y, residue_y + d, ...; columns likewise.
struct PlaneAt {
  int64_t batch, head, residue_y, residue_x, rows, cols;
};

/// A map and its window.
struct Geometry {
  int64_t height, width, channels, head_dim;
  NeighborhoodWindow window;

  Geometry(const Tensor& qkv, const NeighborhoodWindow& w)
      : height(qkv.dim(1)),
        width(qkv.dim(2)),
        channels(qkv.dim(3) / 3),
        head_dim(channels / w.heads),
        window(w) {}

  int64_t token(const PlaneAt& at, int64_t y, int64_t x) const {
    return (at.batch * height + at.residue_y + y * window.dilation) * width + at.residue_x +
           x * window.dilation;
  }
};

/// Two lines of the cache; the heads of a token lie too far apart for the hardware to see a
/// pattern.
template <class T>
void prefetch_token(const T* p) {
  __builtin_prefetch(p);
  __builtin_prefetch(p + 64 / sizeof(T));
}

/// plane = what `from` [B, H, W, row_width] holds at `offset` of the group's tokens.
template <class T, class C>
void load(const Tensor& from, const Geometry& g, const PlaneAt& at, int64_t row_width,
          int64_t offset, CacheLineVector<C>& plane) {
  const T* all = from.data<T>() + offset;
  C* __restrict__ out = plane.data();
  const int64_t next_row = g.window.dilation * g.width * row_width;
  for (int64_t y = 0; y < at.rows; ++y) {
    for (int64_t x = 0; x < at.cols; ++x, out += g.head_dim) {
      const T* in = all + g.token(at, y, x) * row_width;
      prefetch_token(in + next_row);
      for (int64_t t = 0; t < g.head_dim; ++t) out[t] = static_cast<C>(in[t]);
    }
  }
}

/// The reverse.
template <class T, class C>
void store(const CacheLineVector<C>& plane, const Geometry& g, const PlaneAt& at, int64_t row_width,
           int64_t offset, Tensor& to) {
  T* all = to.data<T>() + offset;
  const C* in = plane.data();
  const int64_t next_row = g.window.dilation * g.width * row_width;
  for (int64_t y = 0; y < at.rows; ++y) {
    for (int64_t x = 0; x < at.cols; ++x, in += g.head_dim) {
      T* __restrict__ out = all + g.token(at, y, x) * row_width;
      prefetch_token(out + next_row);
      for (int64_t t = 0; t < g.head_dim; ++t) out[t] = static_cast<T>(in[t]);
    }
  }
}

/// Calls work(at) for each dilation group of an (image, head).
template <class Work>
void for_groups(const Geometry& g, int64_t task, Work&& work) {
  const int64_t d = g.window.dilation;
  for (int64_t ry = 0; ry < d; ++ry) {
    for (int64_t rx = 0; rx < d; ++rx) {
      work(PlaneAt{task / g.window.heads, task % g.window.heads, ry, rx,
                   (g.height - ry + d - 1) / d, (g.width - rx + d - 1) / d});
    }
  }
}

}  // namespace vicinity::kernels
