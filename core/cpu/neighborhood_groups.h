// Dilation groups of a map, to planes and back.
#pragma once

#include "core/cpu/neighborhood_tokens.h"
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

/// Rows of a plane in the map, in tensors where `parts` blocks of channels lie side by side: q, k
/// and v in one of three, the output in one of one.
template <class T, class C>
struct PlaneRows {
  const Geometry& g;
  const PlaneAt& at;
  const Plane<C>& plane;

  /// to = row y of the part-th block in `from`.
  void load(const Tensor& from, int64_t part, int64_t parts, int64_t y, C* to) const {
    const auto copy = VIC_SIMD(load_tokens<T, C>);
    copy(row(parts), from.data<T>() + offset(part, parts, y), to);
  }

  /// The reverse.
  void store(const C* from, int64_t part, int64_t parts, int64_t y, Tensor& to) const {
    const auto copy = VIC_SIMD(store_tokens<T, C>);
    copy(row(parts), from, to.data<T>() + offset(part, parts, y));
  }

  /// Number in the map of token x of row y.
  int64_t token(int64_t y, int64_t x) const {
    return plane.rows == at.rows ? g.token(at, y, x) : g.token(at, x / at.cols, x % at.cols);
  }

 private:
  int64_t offset(int64_t part, int64_t parts, int64_t y) const {
    return (token(y, 0) * parts + part) * g.channels + at.head * g.head_dim;
  }
  // What follows is the plane's next row, or, where it has but one, the next plane.
  MapRow row(int64_t parts) const {
    const int64_t width = parts * g.channels, x = g.window.dilation * width, y = x * g.width;
    const int64_t next_plane = g.window.dilation > 1 ? width : g.head_dim;
    return {plane.cols / at.cols, at.cols, y, x, plane.rows > 1 ? y : next_plane, plane.dim,
            plane.width};
  }
};

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
