// Zero rows and columns below and to the right of a map, and their removal. A block has one row of
// the new map.
//   bytes     what both maps have in common, read once, + y
//   numerics  copies
//   sizes     pieces of 16 bytes where rows of both maps are multiples of it
#include "core/cuda/runs.cuh"
#include "core/ops/pad_map.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 128;

// `from` and `to`: pieces of a row before and after.
template <class Piece>
DEV_KERNEL void pad_map_kernel(const Piece* x, Piece* y, int height, int new_height, int from,
                               int to) {
  const int row = static_cast<int>(dev::block()), b = row / new_height, i = row % new_height;
  const Piece* in = x + (int64_t{b} * height + i) * from;
  Piece* out = y + int64_t{row} * to;
  const int copied = i < height ? from : 0;
  for (int p = dev::thread(); p < to; p += kThreads) out[p] = p < copied ? in[p] : Piece{};
}

}  // namespace

void pad_map(Cuda& cuda, const Tensor& x, Tensor& y) {
  const auto row_bytes = [](const Tensor& map) {
    return static_cast<uint64_t>(map.dim(2) * map.dim(3)) * size_of(map.dtype());
  };
  for_piece(row_bytes(x) | row_bytes(y) | address_of(x), [&]<class Piece>() {
    dev::launch(cuda, "pad_map", pad_map_kernel<Piece>, LaunchShape{y.dim(0) * y.dim(1), kThreads},
                reinterpret_cast<const Piece*>(x.raw()), reinterpret_cast<Piece*>(y.raw()),
                x.dim(1), y.dim(1), row_bytes(x) / sizeof(Piece), row_bytes(y) / sizeof(Piece));
  });
}

}  // namespace vicinity::kernels
