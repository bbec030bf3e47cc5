#include "models/weights/adapt.h"

#include <cmath>

#include "core/base/text.h"
#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

int64_t side_of(int64_t rows) {
  return static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(rows))));
}

Tensor resized_positions(const Tensor& tensor, const Shape& shape, PositionMode mode) {
  const int64_t side = side_of(shape[1] - 1);
  const Tensor rows =
      cast(tensor, accumulator_of(tensor.dtype())).reshape({tensor.dim(1), tensor.dim(2)});
  return interpolate_positions(rows, side, side, mode).reshape(shape);
}

void resize_table(const Tensor& from, Tensor& to, const AxisTaps& taps) {
  const int64_t before = from.dim(1), after = to.dim(1);
  for (int64_t i = 0; i < to.size(); ++i) {
    const int64_t head = i / (after * after), row = i / after % after, column = i % after;
    const double* table = from.data<double>() + head * before * before;
    double sum = 0;
    for (const auto& [y, wy] : taps[static_cast<size_t>(row)]) {
      for (const auto& [x, wx] : taps[static_cast<size_t>(column)])
        sum += wy * wx * table[y * before + x];
    }
    to.data<double>()[i] = sum;
  }
}

// The other grid's taps are the position tables' of this mode: step M / g, a = -0.75.
Tensor resized_bias(const Tensor& tensor, const Shape& shape) {
  Tensor result = empty(shape, DType::f64);
  const AxisTaps taps = position_taps(tensor.dim(1), shape[1], PositionMode::size);
  resize_table(cast(tensor, DType::f64), result, taps);
  return result;
}

void mix_channels(const Tensor& from, Tensor& to) {
  const int64_t before = from.dim(1), after = to.dim(1), area = from.dim(2) * from.dim(3);
  for (int64_t out = 0; out < to.dim(0); ++out) {
    for (int64_t c = 0; c < after; ++c) {
      for (int64_t k = 0; k < area; ++k) {
        const double* kernel = from.data<double>() + out * before * area + k;
        double value = 0;
        if (after == 1) {
          for (int64_t j = 0; j < before; ++j) value += kernel[j * area];
        } else {
          value =
              kernel[c % before * area] * static_cast<double>(before) / static_cast<double>(after);
        }
        to.data<double>()[(out * after + c) * area + k] = value;
      }
    }
  }
}

Tensor other_channels(const Tensor& tensor, const Shape& shape) {
  Tensor result = empty(shape, DType::f64);
  mix_channels(cast(tensor, DType::f64), result);
  return result;
}

bool differ_only_at(int axis, const Shape& a, const Shape& b) {
  if (a.rank() != b.rank() || a.rank() <= axis) return false;
  Shape changed = a;
  changed.set(axis, b[axis]);
  return changed == b;
}

bool is_square_table(const Shape& shape) {
  return shape.rank() == 3 && shape[1] == shape[2] && shape[1] % 2 == 1;
}

bool is_first_convolution(const std::string& name) {
  return ends_with(name, "patch_embeddings.projection.weight") ||
         ends_with(name, "patch_embeddings.projection.0.weight");
}

}  // namespace

Adapted adapt(const Tensor& tensor, const Published& entry, PositionMode mode,
              const std::string& path) {
  const Shape &from = tensor.shape(), &to = entry.shape;
  if (from == to) return {tensor, ""};
  if (ends_with(entry.name, "position_embeddings") && differ_only_at(1, from, to) && from[0] == 1)
    return {resized_positions(tensor, to, mode), str("bicubic, ", name_of(mode))};
  if (ends_with(entry.name, ".rpb") && is_square_table(from) && is_square_table(to) &&
      from[0] == to[0]) {
    return {resized_bias(tensor, to),
            str("bicubic: kernel ", (from[1] + 1) / 2, " to ", (to[1] + 1) / 2)};
  }
  if (is_first_convolution(entry.name) && differ_only_at(1, from, to) &&
      (from[1] == 3 || from[1] == 1)) {
    return {other_channels(tensor, to), to[1] == 1
                                            ? "sum of 3 channels"
                                            : str(from[1], from[1] == 1 ? " channel" : " channels",
                                                  " repeated, times ", from[1], "/", to[1])};
  }
  VIC_FAIL(DataError, "'", path, "': ", entry.name, " has shape ", from, ", the model wants ", to,
           "; the model.* keys must describe the model in the file");
}

}  // namespace vicinity
