// Neighborhood attention: which kernels serve a shape, and the last step of the bias gradient.
//   bytes     reduce_bias_partials: the partials once
//   numerics  f32 sums in order of the parts, 32 interleaved sums first
#include "core/cuda/neighborhood_dense.cuh"
#include "core/cuda/neighborhood_generic.cuh"
#include "core/cuda/neighborhood_sliding.cuh"

namespace vicinity::kernels {
namespace {

constexpr int kReduceThreads = 1024;
constexpr int kReduceWarps = kReduceThreads / dev::kWarp;

// Block = (head, 32 bins): a lane per bin, warps share the parts.
DEV_KERNEL void reduce_bias_partials_kernel(const float* partials, float* drpb, int parts,
                                            int heads, int bins) {
  DEV_SHARED(float, sums, kReduceThreads);
  const int64_t chunks = dev::ceil_div(bins, dev::kWarp);
  const int head = static_cast<int>(dev::block() / chunks);
  const int bin = static_cast<int>(dev::block() % chunks) * dev::kWarp + dev::lane();
  float sum = 0;
  if (bin < bins) {
    for (int part = dev::warp(); part < parts; part += kReduceWarps) {
      sum += partials[(int64_t{part} * heads + head) * bins + bin];
    }
  }
  sums[dev::thread()] = sum;
  dev::sync();
  if (dev::warp() > 0 || bin >= bins) return;
  for (int warp = 1; warp < kReduceWarps; ++warp) sum += sums[warp * dev::kWarp + dev::lane()];
  drpb[int64_t{head} * bins + bin] = sum;
}

}  // namespace

void reduce_bias_partials(Cuda& cuda, const Tensor& partials, Tensor& drpb) {
  const int64_t parts = partials.dim(0), heads = partials.dim(1), bins = partials.dim(2);
  dev::launch(cuda, "reduce_bias_partials", reduce_bias_partials_kernel,
              {heads * dev::ceil_div(bins, int64_t{dev::kWarp}), kReduceThreads},
              partials.data<float>(), drpb.data<float>(), parts, heads, bins);
}

void neighborhood_attention_forward(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                                    const NeighborhoodWindow& window, Tensor& out) {
  if (dense_group_fits(qkv, window)) return dense_group_forward(cuda, qkv, rpb, window, out);
  if (sliding_window_fits(qkv, window)) {
    return sliding_window_forward(cuda, qkv, rpb, window, out);
  }
  generic_window_forward(cuda, qkv, rpb, window, out);
}

void neighborhood_attention_backward(Cuda& cuda, const Tensor& dout, const Tensor& qkv,
                                     const Tensor& rpb, const NeighborhoodWindow& window,
                                     NeighborhoodAttentionGrads& grads) {
  if (dense_group_fits(qkv, window)) {
    return dense_group_backward(cuda, dout, qkv, rpb, window, grads);
  }
  if (sliding_window_fits(qkv, window) && sliding_window_backward_fits(cuda, qkv, window)) {
    return sliding_window_backward(cuda, dout, qkv, rpb, window, grads);
  }
  generic_window_backward(cuda, dout, qkv, rpb, window, grads);
}

void neighborhood_attention_probabilities(Cuda& cuda, const Tensor& qkv, const Tensor& rpb,
                                          const NeighborhoodWindow& window, Tensor& probabilities) {
  generic_window_probabilities(cuda, qkv, rpb, window, probabilities);
}

}  // namespace vicinity::kernels
