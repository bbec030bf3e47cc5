// The sum of squares of a flat gradient, and what clipping makes of it.
//   bytes     x once; partial sums, 8 for each kChunk elements, written and read
//   numerics  f64: each thread of a block adds its elements, lanes and warps join in a fixed order;
//             so do the partial sums of the blocks in a second kernel
#include "core/cuda/runs.cuh"
#include "core/ops/grad_norm.h"

namespace vicinity::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kJoinThreads = 1024;
constexpr int64_t kChunk = kSquaresChunk;  // elements of a block

// Sum over a block, in thread 0: lanes as a butterfly, then warps in order.
DEV_FN double sum_of_block(double x) {
  DEV_SHARED(double, warps, dev::kWarp);
  for (int mask = dev::kWarp / 2; mask > 0; mask /= 2) x += dev::shuffle_xor(x, mask);
  if (dev::lane() == 0) warps[dev::warp()] = x;
  dev::sync();
  double sum = 0;
  if (dev::thread() == 0) {
    for (int w = 0; w < dev::block_size() / dev::kWarp; ++w) sum += warps[w];
  }
  return sum;
}

// n independent sums in each thread.
template <class T, int n>
DEV_KERNEL void sum_of_squares_kernel(const T* x, int64_t size, double* partials) {
  const int64_t begin = dev::block() * kChunk;
  double sums[n] = {};
  for (int round = 0; round < kChunk / (kThreads * n); ++round) {
    const int64_t i = begin + (round * kThreads + dev::thread()) * n;
    if (i + n <= size) {
      const dev::Pack<T, n> run = dev::load_pack<n>(x + i);
      DEV_UNROLL
      for (int k = 0; k < n; ++k) {
        const double v = dev::to_float(run.at[k]);
        sums[k] += v * v;
      }
    } else {
      for (int64_t j = i; j < size; ++j) {
        const double v = dev::to_float(x[j]);
        sums[0] += v * v;
      }
    }
  }
  double sum = 0;
  DEV_UNROLL
  for (int k = 0; k < n; ++k) sum += sums[k];
  sum = sum_of_block(sum);
  if (dev::thread() == 0) partials[dev::block()] = sum;
}

DEV_KERNEL void join_sums_kernel(const double* partials, int64_t count, double* y) {
  double sum = 0;
  for (int64_t i = dev::thread(); i < count; i += kJoinThreads) sum += partials[i];
  sum = sum_of_block(sum);
  if (dev::thread() == 0) *y = sum;
}

DEV_KERNEL void grad_scale_kernel(const double* sum_of_squares, double clip, double* y) {
  if (dev::thread() != 0) return;
  const double norm = dev::sqrt(*sum_of_squares);
  const double scale = clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1;
  *y = dev::is_finite(norm) ? scale : NAN;
}

}  // namespace

void squares_of_chunks(Cuda& cuda, const Tensor& x, Tensor& chunks) {
  for_cuda_dtype(x.dtype(), [&]<class T>() {
    for_run<T, kPerChunk<T>>(address_of(x), [&]<int n>() {
      dev::launch(cuda, "sum_of_squares", sum_of_squares_kernel<T, n>,
                  LaunchShape{chunks.size(), kThreads}, x.data<T>(), x.size(),
                  chunks.data<double>());
    });
  });
}

void join_squares(Cuda& cuda, const Tensor& chunks, Tensor& y) {
  dev::launch(cuda, "join_sums", join_sums_kernel, LaunchShape{1, kJoinThreads},
              chunks.data<double>(), chunks.size(), y.data<double>());
}

void grad_scale(Cuda& cuda, const Tensor& sum_of_squares, double clip, Tensor& y) {
  dev::launch(cuda, "grad_scale", grad_scale_kernel, LaunchShape{1, dev::kWarp},
              sum_of_squares.data<double>(), clip, y.data<double>());
}

}  // namespace vicinity::kernels
