#include "core/ops/position_interpolation.h"

#include <cmath>

namespace vicinity {
namespace {

// Keys 1981's cubic convolution kernel.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Four taps, indices clamped to the border.
std::vector<std::pair<int64_t, double>> clamped_taps(int64_t output, double step, int64_t side) {
  const double source = step * (static_cast<double>(output) + 0.5) - 0.5;
  const double floor = std::floor(source), t = source - floor;
  std::vector<std::pair<int64_t, double>> taps;
  for (int k = -1; k <= 2; ++k) {
    const int64_t index = std::clamp<int64_t>(static_cast<int64_t>(floor) + k, 0, side - 1);
    taps.emplace_back(index, cubic(t - k, -0.75));
  }
  return taps;
}

// Support scaled with the reduction, cut at the border and normalised, as Pillow does.
std::vector<std::pair<int64_t, double>> antialias_taps(int64_t output, double step, int64_t side) {
  const double filter = std::max(step, 1.0), centre = step * (static_cast<double>(output) + 0.5);
  const auto low = std::max<int64_t>(static_cast<int64_t>(centre - 2 * filter + 0.5), 0);
  const auto high = std::min<int64_t>(static_cast<int64_t>(centre + 2 * filter + 0.5), side);
  std::vector<std::pair<int64_t, double>> taps;
  double sum = 0;
  for (int64_t j = low; j < high; ++j) {
    const double weight = cubic((static_cast<double>(j) - centre + 0.5) / filter, -0.5);
    taps.emplace_back(j, weight);
    sum += weight;
  }
  for (auto& [index, weight] : taps) weight /= sum;
  return taps;
}

int64_t side_of(const Tensor& table) {
  const auto side =
      static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(table.dim(0) - 1))));
  VIC_CHECK(ShapeError, table.rank() == 2 && side * side == table.dim(0) - 1,
            "interpolate_positions: a table ", table.shape(),
            " is not 1 + a square number of rows");
  return side;
}

}  // namespace

PositionMode parse_position_mode(const std::string& name) {
  if (name == "hf437") return PositionMode::hf437;
  if (name == "size") return PositionMode::size;
  if (name == "antialias") return PositionMode::antialias;
  VIC_FAIL(ConfigError, "unknown position_interpolation '", name,
           "'; there are hf437, size, antialias");
}

const char* name_of(PositionMode mode) {
  return mode == PositionMode::hf437 ? "hf437" : mode == PositionMode::size ? "size" : "antialias";
}

AxisTaps position_taps(int64_t side, int64_t grid, PositionMode mode) {
  const auto m = static_cast<double>(side), g = static_cast<double>(grid);
  const double step = mode == PositionMode::hf437 ? 1 / ((g + 0.1) / m) : m / g;
  AxisTaps taps;
  for (int64_t o = 0; o < grid; ++o) {
    taps.push_back(mode == PositionMode::antialias ? antialias_taps(o, step, side)
                                                   : clamped_taps(o, step, side));
  }
  return taps;
}

Tensor interpolate_positions(const Tensor& table, int64_t grid_h, int64_t grid_w,
                             PositionMode mode) {
  const int64_t side = side_of(table);
  VIC_CHECK(ShapeError, grid_h > 0 && grid_w > 0, "interpolate_positions: empty grid ", grid_h,
            " x ", grid_w);
  Tensor y = empty({1 + grid_h * grid_w, table.dim(1)}, table.dtype(), table.device());
  const AxisTaps rows = position_taps(side, grid_h, mode),
                 columns = position_taps(side, grid_w, mode);
  on_device("interpolate_positions", y.device(),
            {32 * static_cast<double>(y.size()), static_cast<double>(table.bytes() + y.bytes())},
            [&](auto& context) {
              kernels::interpolate_positions(context, table, side, rows, columns, y);
            });
  return y;
}

Tensor interpolate_positions_backward(const Tensor& dy, int64_t side, int64_t grid_h,
                                      int64_t grid_w, PositionMode mode) {
  Tensor dtable = empty({1 + side * side, dy.dim(1)}, dy.dtype(), dy.device());
  const AxisTaps rows = position_taps(side, grid_h, mode),
                 columns = position_taps(side, grid_w, mode);
  on_device("interpolate_positions_backward", dy.device(),
            {32 * static_cast<double>(dy.size()), static_cast<double>(dtable.bytes() + dy.bytes())},
            [&](auto& context) {
              kernels::interpolate_positions_backward(context, dy, side, rows, columns, dtable);
            });
  return dtable;
}

}  // namespace vicinity
