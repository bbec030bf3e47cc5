// One dilation group of one image and head as contiguous planes: what removes the dilation from the
// arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/cpu/pointwise_math.h"
#include "core/ops/neighborhood_attention.h"

namespace vicinity::kernels {

/// Where a plane's tokens lie in the map: rows residue_y, residue_y + d, ...; columns likewise.
struct PlaneAt {
  int64_t batch, head, residue_y, residue_x, rows, cols;
};

/// First member of the window of the g-th of `size` tokens.
inline int64_t window_start(int64_t g, int64_t size, int64_t kernel) {
  return std::clamp<int64_t>(g - kernel / 2, 0, size - kernel);
}

/// Arithmetic on one plane for a kernel size known to the compiler. C: float or double.
///
/// Scores of a query against one window row are K neighbouring columns: with k stored transposed,
/// [row][d][col], each d is one broadcast and one (unaligned, W wide) load; lanes beyond K are
/// computed and ignored. Sums over keys run along d in the plain layout. No horizontal sums
/// anywhere but in the softmax.
template <class C, int K>
class Plane {
 public:
  static constexpr int W = K <= 4 ? 4 : K <= 8 ? 8 : 16;
  using Scores = C[K][W];

  void resize(int64_t rows, int64_t cols, int64_t head_dim) {
    rows_ = rows, cols_ = cols, dim_ = head_dim, pitch_ = cols + W;
    const auto n = static_cast<size_t>(rows * cols * head_dim);
    q.resize(n), k.resize(n), v.resize(n), dout.resize(n), out.resize(n);
    kt.assign(static_cast<size_t>(rows * head_dim * pitch_ + W), C{0});
    vt.assign(kt.size(), C{0});
  }

  /// kt from k, vt from v.
  void transpose(const std::vector<C>& plain, std::vector<C>& across) const {
    for (int64_t y = 0; y < rows_; ++y) {
      for (int64_t x = 0; x < cols_; ++x) {
        const C* in = plain.data() + (y * cols_ + x) * dim_;
        C* o = across.data() + y * dim_ * pitch_ + x;
        for (int64_t t = 0; t < dim_; ++t) o[t * pitch_] = in[t];
      }
    }
  }

  /// s[a][c] = <a_row, across[y0 + a][.][x0 + c]>.
  void scores(const C* row, const std::vector<C>& across, int64_t y0, int64_t x0, Scores& s) const {
    for (int a = 0; a < K; ++a) {
      const C* base = across.data() + (y0 + a) * dim_ * pitch_ + x0;
      C sum[W] = {};
      for (int64_t t = 0; t < dim_; ++t) {
        const C r = row[t];
        const C* line = base + t * pitch_;
        for (int c = 0; c < W; ++c) sum[c] += r * line[c];
      }
      for (int c = 0; c < W; ++c) s[a][c] = sum[c];
    }
  }

  /// Softmax over the K x K window of scale * s + bias[a * stride + c] (bias null: none), in place;
  /// other lanes become 0.
  static void softmax(Scores& s, C scale, const C* bias, int64_t stride) {
    C most = -INFINITY;
    for (int a = 0; a < K; ++a) {
      for (int c = 0; c < K; ++c) {
        s[a][c] = s[a][c] * scale + (bias != nullptr ? bias[a * stride + c] : C{0});
        most = std::max(most, s[a][c]);
      }
    }
    C lanes[W] = {};
    for (int a = 0; a < K; ++a) {
      for (int c = K; c < W; ++c) s[a][c] = -INFINITY;
      for (int c = 0; c < W; ++c) {
        s[a][c] = c < K ? fast_exp(s[a][c] - most) : C{0};
        lanes[c] += s[a][c];
      }
    }
    C sum = 0;
    for (int c = 0; c < K; ++c) sum += lanes[c];
    const C inverse = 1 / sum;
    for (int a = 0; a < K; ++a) {
      for (int c = 0; c < W; ++c) s[a][c] *= inverse;
    }
  }

  /// to += sum over the window of weights[a][c] * plain[(y0 + a), (x0 + c)].
  void gather(const Scores& weights, const std::vector<C>& plain, int64_t y0, int64_t x0,
              C* __restrict__ to) const {
    if (dim_ == 32) return gather_fixed<32>(weights, plain, y0, x0, to);
    if (dim_ == 16) return gather_fixed<16>(weights, plain, y0, x0, to);
    for (int a = 0; a < K; ++a) {
      const C* line = plain.data() + ((y0 + a) * cols_ + x0) * dim_;
      for (int c = 0; c < K; ++c) {
        for (int64_t t = 0; t < dim_; ++t) to[t] += weights[a][c] * line[c * dim_ + t];
      }
    }
  }

  /// plane[(y0 + a), (x0 + c)] += p[a][c] * row, for two planes at once.
  void scatter(const Scores& p, const C* __restrict__ row, const Scores& ds,
               const C* __restrict__ q_row, int64_t y0, int64_t x0, std::vector<C>& dv,
               std::vector<C>& dk) const {
    for (int a = 0; a < K; ++a) {
      C* __restrict__ v_line = dv.data() + ((y0 + a) * cols_ + x0) * dim_;
      C* __restrict__ k_line = dk.data() + ((y0 + a) * cols_ + x0) * dim_;
      for (int c = 0; c < K; ++c) {
        const C weight = p[a][c], slope = ds[a][c];
        for (int64_t t = 0; t < dim_; ++t) {
          v_line[c * dim_ + t] += weight * row[t];
          k_line[c * dim_ + t] += slope * q_row[t];
        }
      }
    }
  }

  std::vector<C> q, k, v, dout, out, kt, vt;
  int64_t rows_ = 0, cols_ = 0, dim_ = 0, pitch_ = 0;

 private:
  template <int D>
  void gather_fixed(const Scores& weights, const std::vector<C>& plain, int64_t y0, int64_t x0,
                    C* __restrict__ to) const {
    C sum[D];
    for (int t = 0; t < D; ++t) sum[t] = to[t];
    for (int a = 0; a < K; ++a) {
      const C* line = plain.data() + ((y0 + a) * cols_ + x0) * D;
      for (int c = 0; c < K; ++c) {
        const C weight = weights[a][c];
        for (int t = 0; t < D; ++t) sum[t] += weight * line[c * D + t];
      }
    }
    for (int t = 0; t < D; ++t) to[t] = sum[t];
  }
};

}  // namespace vicinity::kernels
