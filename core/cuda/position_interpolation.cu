// Separable taps applied directly, forward and, with the taps of each input, back. A block has one
// cell of the result.
//   bytes     reads 16 rows a cell, from the cache; the table is small
//   numerics  f32 sums over row taps, inside them column taps, in the order of the CPU
#include <bit>
#include <string>

#include "core/base/text.h"
#include "core/cuda/dev.h"
#include "core/ops/position_interpolation.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 128;

struct Tap {
  int32_t index;
  float weight;
};

// Those of output o are taps[starts[o]] to taps[starts[o + 1] - 1].
struct AxisTable {
  const int32_t* starts;
  const Tap* taps;
};

// y[i, j] = sum of row taps of i and column taps of j; row 0, the class token, as it is.
DEV_KERNEL void interpolate_positions_kernel(const float* x, float* y, AxisTable rows,
                                             AxisTable columns, int x_side, int y_side, int width) {
  const int cell = static_cast<int>(dev::block()) - 1;
  float* out = y + dev::block() * width;
  if (cell < 0) {
    for (int d = dev::thread(); d < width; d += kThreads) out[d] = x[d];
    return;
  }
  const int i = cell / y_side, j = cell % y_side;
  for (int d = dev::thread(); d < width; d += kThreads) {
    float sum = 0;
    for (int r = rows.starts[i]; r < rows.starts[i + 1]; ++r) {
      const Tap row = rows.taps[r];
      for (int c = columns.starts[j]; c < columns.starts[j + 1]; ++c) {
        const Tap column = columns.taps[c];
        const int64_t source = 1 + int64_t{row.index} * x_side + column.index;
        sum += row.weight * column.weight * x[source * width + d];
      }
    }
    out[d] = sum;
  }
}

// For each of `inputs` indices the outputs that read it, in order.
AxisTaps transposed(const AxisTaps& taps, int64_t inputs) {
  AxisTaps result(static_cast<size_t>(inputs));
  for (size_t output = 0; output < taps.size(); ++output) {
    for (const auto& [index, weight] : taps[output])
      result[static_cast<size_t>(index)].emplace_back(static_cast<int64_t>(output), weight);
  }
  return result;
}

// A name for what the taps say: FNV-1a of all of it.
std::string name_of_taps(const AxisTaps& taps) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
  for (const auto& output : taps) {
    mix(output.size());
    for (const auto& [index, weight] : output) {
      mix(static_cast<uint64_t>(index));
      mix(std::bit_cast<uint64_t>(weight));
    }
  }
  return str("position taps ", taps.size(), " ", hash);
}

Tensor starts_of(const AxisTaps& taps) {
  std::vector<int32_t> starts = {0};
  for (const auto& output : taps)
    starts.push_back(starts.back() + static_cast<int32_t>(output.size()));
  return tensor_of<int32_t>({static_cast<int64_t>(starts.size())}, starts);
}

Tensor all_of(const AxisTaps& taps) {
  std::vector<Tap> all;
  for (const auto& output : taps) {
    for (const auto& [index, weight] : output)
      all.push_back({static_cast<int32_t>(index), static_cast<float>(weight)});
  }
  Tensor bytes = empty({static_cast<int64_t>(all.size() * sizeof(Tap))}, DType::u8);
  std::copy(all.begin(), all.end(), reinterpret_cast<Tap*>(bytes.raw()));
  return bytes;
}

AxisTable table_of(Cuda& cuda, const AxisTaps& taps) {
  const std::string name = name_of_taps(taps);
  return {cuda.constant(name + " starts", [&] { return starts_of(taps); }).data<int32_t>(),
          reinterpret_cast<const Tap*>(cuda.constant(name, [&] { return all_of(taps); }).raw())};
}

void interpolate(Cuda& cuda, const char* name, const Tensor& x, const AxisTaps& rows,
                 const AxisTaps& columns, size_t x_side, Tensor& y) {
  dev::launch(cuda, name, interpolate_positions_kernel, LaunchShape{y.dim(0), kThreads},
              x.data<float>(), y.data<float>(), table_of(cuda, rows), table_of(cuda, columns),
              x_side, columns.size(), y.dim(1));
}

}  // namespace

void interpolate_positions(Cuda& cuda, const Tensor& table, int64_t side, const AxisTaps& rows,
                           const AxisTaps& columns, Tensor& y) {
  interpolate(cuda, "interpolate_positions", table, rows, columns, static_cast<size_t>(side), y);
}

void interpolate_positions_backward(Cuda& cuda, const Tensor& dy, int64_t side,
                                    const AxisTaps& rows, const AxisTaps& columns, Tensor& dtable) {
  interpolate(cuda, "interpolate_positions_backward", dy, transposed(rows, side),
              transposed(columns, side), columns.size(), dtable);
}

}  // namespace vicinity::kernels
