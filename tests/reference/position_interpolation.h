#pragma once

#include <cmath>

#include "core/ops/position_interpolation.h"
#include "tests/support/fp64.h"

namespace vicinity::reference {

/// Weight of input `j` in output `o` of an axis, as PyTorch's upsample_bicubic2d and
/// _upsample_bicubic2d_aa define it: every input is asked, none is listed.
inline double position_weight(int64_t o, int64_t j, int64_t side, int64_t grid, PositionMode mode) {
  const double m = static_cast<double>(side), g = static_cast<double>(grid);
  const double step = mode == PositionMode::hf437 ? m / (g + 0.1) : m / g;
  const double centre = step * (static_cast<double>(o) + 0.5);
  const auto near = [](double d, double a) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](double d, double a) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const auto kernel = [&](double d, double a) {
    d = std::abs(d);
    return d <= 1 ? near(d, a) : d < 2 ? far(d, a) : 0.0;
  };
  if (mode == PositionMode::antialias) {
    const double f = std::max(step, 1.0);
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < side; ++i) {
      const auto low = static_cast<int64_t>(centre - 2 * f + 0.5),
                 high = static_cast<int64_t>(centre + 2 * f + 0.5);
      if (i < low || i >= high) continue;
      const double w = kernel((static_cast<double>(i) - centre + 0.5) / f, -0.5);
      sum += w;
      if (i == j) weight = w;
    }
    return weight / sum;
  }
  double weight = 0;
  for (int64_t i = -4; i < side + 4; ++i) {  // taps beyond the border count for the border
    if (std::min(std::max(i, int64_t{0}), side - 1) == j)
      weight += kernel(static_cast<double>(i) - (centre - 0.5), -0.75);
  }
  return weight;
}

inline Tensor interpolate_positions(const Tensor& table, int64_t side, int64_t grid_h,
                                    int64_t grid_w, PositionMode mode) {
  View in(table), y(Shape{1 + grid_h * grid_w, table.dim(1)});
  for (int64_t c = 0; c < table.dim(1); ++c) y(0, c) = in(0, c);
  for (int64_t i = 0; i < grid_h; ++i) {
    for (int64_t j = 0; j < grid_w; ++j) {
      for (int64_t r = 0; r < side; ++r) {
        const double row = position_weight(i, r, side, grid_h, mode);
        for (int64_t k = 0; row != 0 && k < side; ++k) {
          const double weight = row * position_weight(j, k, side, grid_w, mode);
          for (int64_t c = 0; c < table.dim(1); ++c)
            y(1 + i * grid_w + j, c) += weight * in(1 + r * side + k, c);
        }
      }
    }
  }
  return y.tensor();
}

}  // namespace vicinity::reference
