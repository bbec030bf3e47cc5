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
  const PlaneAt &at, &next;  // this plane and the one after it
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

  /// What load(from, part, parts, y, ...) will read; behind the last row, of the next plane.
  Ahead ahead(const Tensor& from, int64_t part, int64_t parts, int64_t y) const {
    const bool here = y < plane.rows;
    const PlaneAt& of = here ? at : next;
    const int64_t token = g.token(of, here ? y : 0, 0), size = sizeof(T);
    const int64_t column = parts * g.channels * g.window.dilation * size;
    const T* first = from.data<T>() + (token * parts + part) * g.channels + of.head * g.head_dim;
    return {reinterpret_cast<const char*>(first), plane.rows > 1 ? 1 : of.rows, of.cols,
            g.width * column, column};
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

/// The n-th dilation group of an (image, head); behind the last one, the next one's first.
inline PlaneAt plane_at(const Geometry& g, int64_t task, int64_t n) {
  const int64_t d = g.window.dilation;
  task += n / (d * d);
  const int64_t ry = n / d % d, rx = n % d;
  return {task / g.window.heads,       task % g.window.heads,     ry, rx,
          (g.height - ry + d - 1) / d, (g.width - rx + d - 1) / d};
}

}  // namespace vicinity::kernels
