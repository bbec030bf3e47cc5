// Square patches of images as rows. A block has one row of patches.
//   bytes     x + y
//   numerics  copies
//   sizes     pieces of 16 bytes where rows of the image and of a patch are multiples of it; of 4
//             bytes for 14 pixels of three channels
#include "core/cuda/runs.cuh"
#include "core/ops/patches.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

// `line` and `run`: pieces of a row of the image and of a patch.
template <class Piece>
DEV_KERNEL void patches_forward_kernel(const Piece* x, Piece* y, int height, int line, int side,
                                       int run) {
  const int row = static_cast<int>(dev::block()), down = height / side;
  const int pieces = line / run * side * run;
  const Piece* in = x + (int64_t{row / down} * height + row % down * side) * line;
  Piece* out = y + int64_t{row} * pieces;
  for (int p = dev::thread(); p < pieces; p += kThreads) {
    const int e = p % run, u = p / run % side, j = p / run / side;
    out[p] = in[int64_t{u} * line + j * run + e];
  }
}

}  // namespace

void patches_forward(Cuda& cuda, const Tensor& x, int64_t p, Tensor& y) {
  const uint64_t pixel = static_cast<uint64_t>(x.dim(3)) * size_of(x.dtype()),
                 line = static_cast<uint64_t>(x.dim(2)) * pixel,
                 run = static_cast<uint64_t>(p) * pixel;
  for_piece(line | run | address_of(x), [&]<class Piece>() {
    dev::launch(cuda, "patches", patches_forward_kernel<Piece>,
                LaunchShape{x.dim(0) * (x.dim(1) / p), kThreads},
                reinterpret_cast<const Piece*>(x.raw()), reinterpret_cast<Piece*>(y.raw()),
                x.dim(1), line / sizeof(Piece), p, run / sizeof(Piece));
  });
}

}  // namespace vicinity::kernels
