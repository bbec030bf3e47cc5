// Separable taps applied directly: the table is small.
#include "core/ops/position_interpolation.h"

#include <iterator>

namespace vicinity::kernels {
namespace {

constexpr int64_t kTaps = 16;  // of an output where nothing shrinks

template <class F>
void for_float(const Tensor& x, F&& f) {
  if (x.dtype() == DType::f64) return f.template operator()<double>();
  f.template operator()<float>();
}

}  // namespace

void interpolate_positions(Cpu& cpu, const Tensor& table, int64_t side, const AxisTaps& rows,
                           const AxisTaps& columns, Tensor& y) {
  const int64_t width = table.dim(1), grid_w = static_cast<int64_t>(columns.size());
  for_float(y, [&]<class T>() {
    const T* in = table.data<T>();
    std::copy(in, in + width, y.data<T>());
    cpu.parallel_rows(std::ssize(rows), kTaps * grid_w * width, [&](int64_t i) {
      for (size_t j = 0; j < columns.size(); ++j) {
        T* out = y.data<T>() + (1 + i * grid_w + static_cast<int64_t>(j)) * width;
        std::fill(out, out + width, T{0});
        for (const auto& [r, weight_r] : rows[static_cast<size_t>(i)]) {
          for (const auto& [c, weight_c] : columns[j]) {
            const T weight = static_cast<T>(weight_r * weight_c);
            const T* source = in + (1 + r * side + c) * width;
            for (int64_t d = 0; d < width; ++d) out[d] += weight * source[d];
          }
        }
      }
    });
  });
}

void interpolate_positions_backward(Cpu& cpu, const Tensor& dy, int64_t side, const AxisTaps& rows,
                                    const AxisTaps& columns, Tensor& dtable) {
  const int64_t width = dy.dim(1), grid_w = static_cast<int64_t>(columns.size());
  for_float(dy, [&]<class T>() {
    const T* in = dy.data<T>();
    std::copy(in, in + width, dtable.data<T>());
    // One row of the table per task; the outputs that read it are visited in order.
    cpu.parallel_rows(side, kTaps * dy.size() / side, [&](int64_t row) {
      T* out_row = dtable.data<T>() + (1 + row * side) * width;
      std::fill(out_row, out_row + side * width, T{0});
      for (size_t i = 0; i < rows.size(); ++i) {
        for (const auto& [r, weight_r] : rows[i]) {
          if (r != row) continue;
          for (int64_t j = 0; j < grid_w; ++j) {
            const T* source = in + (1 + static_cast<int64_t>(i) * grid_w + j) * width;
            for (const auto& [c, weight_c] : columns[static_cast<size_t>(j)]) {
              const T weight = static_cast<T>(weight_r * weight_c);
              for (int64_t d = 0; d < width; ++d) out_row[c * width + d] += weight * source[d];
            }
          }
        }
      }
    });
  });
}

}  // namespace vicinity::kernels
