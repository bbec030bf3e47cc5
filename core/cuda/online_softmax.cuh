// Softmax on the fly, for attention kernels on tensor cores whose rows of scores are fragments of
// dev::mma_16816: a lane holds columns of rows g and g + 8, g = lane / 4.
#pragma once

#include <cmath>

#include "core/cuda/dev.h"

namespace vicinity::kernels {

// Sum and maximum over the four lanes that share a row.
DEV_FN float quad_sum(float x) {
  x += dev::shuffle_xor(x, 1);
  return x + dev::shuffle_xor(x, 2);
}
DEV_FN float quad_max(float x) {
  x = dev::max(x, dev::shuffle_xor(x, 1));
  return dev::max(x, dev::shuffle_xor(x, 2));
}

/// Softmax of rows whose scores come a few columns at a time: weights are 2^(scale (score - top)),
/// `total` this lane's part of their sum, by rows g and g + 8. `top` need not be the maximum, only
/// near: it is raised when a weight would reach 2^8, which after a row's first columns is rare, and
/// the rest of the time no lane asks another. Scores of -inf weigh nothing, also where a row has no
/// others yet.
template <int kRowTiles>
struct OnlineSoftmax {
  static constexpr float kSlack = 8, kLowest = -1e30f;  // not -inf: -inf - -inf is no number
  float top[kRowTiles][2], total[kRowTiles][2];

  DEV_FN OnlineSoftmax() {
    DEV_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      top[i / 2][i % 2] = kLowest;
      total[i / 2][i % 2] = 0;
    }
  }

  /// Scores become weights. rescale(r, half, factor): what was summed with weights before.
  template <int kActive, class Rescale>
  DEV_FN void add(float (&s)[kActive][2][4], float scale, Rescale rescale) {
    float highest[kActive][2];
    bool raise = false;
    DEV_UNROLL
    for (int r = 0; r < kActive; ++r) {
      DEV_UNROLL
      for (int half = 0; half < 2; ++half) {
        float most = -INFINITY;
        DEV_UNROLL
        for (int j = 0; j < 2; ++j)
          most = dev::max(most, dev::max(s[r][j][2 * half], s[r][j][2 * half + 1]));
        highest[r][half] = most;
        raise = raise || (most - top[r][half]) * scale > kSlack;
      }
    }
    if (dev::ballot(raise) != 0) {
      DEV_UNROLL
      for (int i = 0; i < 2 * kActive; ++i) {
        const int r = i / 2, half = i % 2;
        const float raised = dev::max(top[r][half], quad_max(highest[r][half]));
        const float factor = dev::exp2_fast((top[r][half] - raised) * scale);
        top[r][half] = raised;
        total[r][half] *= factor;
        rescale(r, half, factor);
      }
    }
    DEV_UNROLL
    for (int r = 0; r < kActive; ++r) {
      DEV_UNROLL
      for (int j = 0; j < 2; ++j) {
        DEV_UNROLL
        for (int e = 0; e < 4; ++e) {
          s[r][j][e] = dev::exp2_fast(dev::fma(s[r][j][e], scale, -top[r][e / 2] * scale));
          total[r][e / 2] += s[r][j][e];
        }
      }
    }
  }
};

}  // namespace vicinity::kernels
