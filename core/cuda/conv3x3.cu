// Gathering and scattering of 3x3 patches. A block has one row of patches, or of pixels.
//   bytes     patches: x (its rows twice, once from the cache) + patches; scatter: dpatches + dx
//   numerics  patches are copies; scatter adds in f32, the order of the CPU: one rounding
//   sizes     16 bytes are stored at once where a row of patches is a multiple, and loaded at once
//             where a pixel is; other pixels (three channels) come piece by piece
#include "core/cuda/runs.cuh"
#include "core/ops/conv3x3.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;

struct Sizes {
  int height, width, out_height, out_width;
  int pixel;  // channels, in the unit that the kernel moves
};

// Threads make `n` neighbouring pieces at a time.
template <class Piece, int n>
DEV_KERNEL void conv3x3_patches_kernel(const Piece* x, Piece* patches, Sizes s) {
  const int row = static_cast<int>(dev::block()), b = row / s.out_height, i = row % s.out_height;
  const int pieces = s.out_width * 9 * s.pixel;
  const Piece* image = x + int64_t{b} * s.height * s.width * s.pixel;
  Piece* out = patches + int64_t{row} * pieces;
  for (int p = dev::thread() * n; p < pieces; p += kThreads * n) {
    int c = p % s.pixel, tap = p / s.pixel % 9, j = p / s.pixel / 9;
    dev::Pack<Piece, n> run;
    DEV_UNROLL
    for (int k = 0; k < n; ++k) {
      const int u = 2 * i - 1 + tap / 3, v = 2 * j - 1 + tap % 3;
      const bool inside = u >= 0 && u < s.height && v >= 0 && v < s.width;
      run.at[k] = inside ? image[(int64_t{u} * s.width + v) * s.pixel + c] : Piece{};
      if (++c < s.pixel) continue;
      c = 0;
      if (++tap < 9) continue;
      tap = 0;
      ++j;
    }
    dev::store_pack(out + p, run);
  }
}

// A pixel (h, w) is seen by the patches h / 2 and, for odd h, (h + 1) / 2, and so for w.
template <class T, int n>
DEV_KERNEL void conv3x3_scatter_kernel(const T* dpatches, T* dx, Sizes s) {
  const int row = static_cast<int>(dev::block()), b = row / s.height, h = row % s.height;
  const int runs = s.pixel / n;
  T* out = dx + int64_t{row} * s.width * s.pixel;
  for (int p = dev::thread(); p < s.width * runs; p += kThreads) {
    const int w = p / runs, c = p % runs * n;
    dev::Pack<T, n> in[4];
    DEV_UNROLL
    for (int k = 0; k < 4; ++k) {
      const int down = k / 2, right = k % 2, i = h / 2 + down, j = w / 2 + right;
      const bool seen = down <= h % 2 && right <= w % 2 && i < s.out_height && j < s.out_width;
      const int tap = (h - 2 * i + 1) * 3 + w - 2 * j + 1;
      const int64_t patch = (int64_t{b} * s.out_height + i) * s.out_width + j;
      in[k] =
          seen ? dev::load_pack<n>(dpatches + (patch * 9 + tap) * s.pixel + c) : dev::Pack<T, n>{};
    }
    dev::Pack<T, n> sums;
    DEV_UNROLL
    for (int e = 0; e < n; ++e) {
      float sum = 0;
      DEV_UNROLL
      for (int k = 0; k < 4; ++k) sum += dev::to_float(in[k].at[e]);
      sums.at[e] = dev::from_float<T>(sum);
    }
    dev::store_pack(out + int64_t{w} * s.pixel + c, sums);
  }
}

Sizes sizes_of(const Tensor& x, int64_t pixel) {
  const auto height = static_cast<int>(x.dim(1)), width = static_cast<int>(x.dim(2));
  return {height, width, (height + 1) / 2, (width + 1) / 2, static_cast<int>(pixel)};
}

}  // namespace

void conv3x3_patches(Cuda& cuda, const Tensor& x, Tensor& patches) {
  const auto pixel_bytes = static_cast<int64_t>(size_of(x.dtype())) * x.dim(3);
  for_piece(static_cast<uint64_t>(pixel_bytes) | address_of(x), [&]<class Piece>() {
    const Sizes s = sizes_of(x, pixel_bytes / static_cast<int64_t>(sizeof(Piece)));
    const int64_t row_bytes = s.out_width * 9 * pixel_bytes;
    for_run<Piece, kPerChunk<Piece>>(static_cast<uint64_t>(row_bytes), [&]<int n>() {
      dev::launch(cuda, "conv3x3_patches", conv3x3_patches_kernel<Piece, n>,
                  LaunchShape{x.dim(0) * s.out_height, kThreads},
                  reinterpret_cast<const Piece*>(x.raw()), reinterpret_cast<Piece*>(patches.raw()),
                  s);
    });
  });
}

void conv3x3_scatter(Cuda& cuda, const Tensor& dpatches, Tensor& dx) {
  const Sizes s = sizes_of(dx, dx.dim(3));
  for_cuda_dtype(dx.dtype(), [&]<class T>() {
    for_run<T, kPerChunk<T>>(static_cast<uint64_t>(s.pixel) * sizeof(T), [&]<int n>() {
      dev::launch(cuda, "conv3x3_scatter", conv3x3_scatter_kernel<T, n>,
                  LaunchShape{dx.dim(0) * s.height, kThreads}, dpatches.data<T>(), dx.data<T>(), s);
    });
  });
}

}  // namespace vicinity::kernels
