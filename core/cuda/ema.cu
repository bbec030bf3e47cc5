// The moving average of flat parameters: one launch, one pass.
//   bytes     12 each parameter: the average read and written, the parameter read
//   numerics  f32 as the CPU
#include "core/cuda/update.cuh"
#include "core/ops/ema.h"

namespace vicinity::kernels {
namespace {

DEV_KERNEL void ema_kernel(const float* param, float rest, const double* grad_scale, float* average,
                           int64_t n) {
  const double scale = scale_or_one(grad_scale);
  if (scale != scale) return;
  const int64_t begin = dev::block() * UpdateRanges::kChunk, left = n - begin;
  const auto size = static_cast<int32_t>(left < UpdateRanges::kChunk ? left : UpdateRanges::kChunk);
  for_chunk({begin, size, 0, 1}, [&]<int run>(int64_t i) {
    const dev::Pack<float, run> p = dev::load_pack<run>(param + i);
    dev::Pack<float, run> a = dev::load_pack<run>(average + i);
    DEV_UNROLL
    for (int k = 0; k < run; ++k) a.at[k] += rest * (p.at[k] - a.at[k]);
    dev::store_pack(average + i, a);
  });
}

}  // namespace

void ema(Cuda& cuda, Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale) {
  check_aligned({&average, &param});
  dev::launch(cuda, "ema", ema_kernel,
              {dev::ceil_div(param.size(), UpdateRanges::kChunk), kUpdateThreads},
              param.data<float>(), static_cast<float>(1 - decay), data_or_null<double>(grad_scale),
              average.data<float>(), param.size());
}

}  // namespace vicinity::kernels
