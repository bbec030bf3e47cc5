// Bicubic resampling of a ViT's table of positions to another grid, and its gradient.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/runtime/on_device.h"
#include "core/tensor/tensor.h"

namespace vicinity {

/// Three published ways, which give different numbers.
enum class PositionMode {
  hf437,      // Hugging Face 4.37.2 and the original plain models: scale factor (g + 0.1) / M, a =
              // -0.75
  size,       // later Hugging Face: scale g / M, a = -0.75
  antialias,  // models with registers: scale g / M, a = -0.5, support scaled when shrinking
};

/// hf437, size, antialias. ConfigError lists them.
PositionMode parse_position_mode(const std::string& name);
const char* name_of(PositionMode mode);

/// Row 0 (class token) as it is; rows 1.. are an M x M grid, resampled per channel to grid_h x
/// grid_w. table: [1 + M * M, D], f32 or f64 -> [1 + grid_h * grid_w, D]. ShapeError if the rows
/// are not 1 + a square.
Tensor interpolate_positions(const Tensor& table, int64_t grid_h, int64_t grid_w,
                             PositionMode mode);
/// The transpose of the same linear map. dy: [1 + grid_h * grid_w, D] -> [1 + M * M, D].
Tensor interpolate_positions_backward(const Tensor& dy, int64_t side, int64_t grid_h,
                                      int64_t grid_w, PositionMode mode);

/// Per output index of one axis: (input index, weight) pairs; an index at the border may repeat.
using AxisTaps = std::vector<std::vector<std::pair<int64_t, double>>>;
AxisTaps position_taps(int64_t side, int64_t grid, PositionMode mode);

namespace kernels {
void interpolate_positions(Cpu&, const Tensor& table, int64_t side, const AxisTaps& rows,
                           const AxisTaps& columns, Tensor& y);
void interpolate_positions(Cuda&, const Tensor& table, int64_t side, const AxisTaps& rows,
                           const AxisTaps& columns, Tensor& y);
void interpolate_positions_backward(Cpu&, const Tensor& dy, int64_t side, const AxisTaps& rows,
                                    const AxisTaps& columns, Tensor& dtable);
void interpolate_positions_backward(Cuda&, const Tensor& dy, int64_t side, const AxisTaps& rows,
                                    const AxisTaps& columns, Tensor& dtable);
}  // namespace kernels

}  // namespace vicinity
