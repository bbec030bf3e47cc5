// SGD: one launch over all ranges, one pass over three arrays and the bf16 copy.
//   bytes     22 each parameter: p and the buffer read and written, the gradient read, the copy
//             written; 4 less at the first step, which does not read the buffer
//   numerics  f32 as the CPU; factors are read in f64 and rounded once
#include "core/cuda/update.cuh"
#include "core/ops/sgd.h"

namespace vicinity::kernels {
namespace {

struct Arrays {
  float* param;
  const float* grad;
  float* buffer;
  bf16* copy;
};

DEV_KERNEL void sgd_kernel(const UpdateRanges::Chunk* chunks, Arrays a, const SgdFactors* factors,
                           const double* grad_scale) {
  const double exact_scale = scale_or_one(grad_scale);
  if (exact_scale != exact_scale) return;
  const UpdateRanges::Chunk chunk = chunks[dev::block()];
  const SgdFactors step = *factors;
  const auto scale = static_cast<float>(exact_scale);
  const auto lr = static_cast<float>(step.lr * chunk.lr_scale);
  const auto momentum = static_cast<float>(step.momentum);
  const auto decay = static_cast<float>(chunk.decay != 0 ? step.weight_decay : 0.0);
  const bool first = step.first != 0, nesterov = step.nesterov != 0;
  for_chunk(chunk, [&]<int n>(int64_t i) {
    const dev::Pack<float, n> grad = dev::load_pack<n>(a.grad + i);
    dev::Pack<float, n> p = dev::load_pack<n>(a.param + i), buffer{};  // 0 before the first step
    if (!first) buffer = dev::load_pack<n>(a.buffer + i);
    DEV_UNROLL
    for (int k = 0; k < n; ++k) {
      const float g = grad.at[k] * scale + decay * p.at[k];
      buffer.at[k] = momentum * buffer.at[k] + g;
      p.at[k] -= lr * (nesterov ? g + momentum * buffer.at[k] : buffer.at[k]);
    }
    dev::store_pack(a.param + i, p);
    dev::store_pack(a.buffer + i, buffer);
    round_into(a.copy, i, p);
  });
}

}  // namespace

void sgd(Cuda& cuda, Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
         const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  if (ranges.chunk_count() == 0) return;
  check_aligned({&param, &grad, &buffer, &copy});
  const Arrays arrays{param.data<float>(), grad.data<float>(), buffer.data<float>(),
                      data_or_null<bf16>(copy)};
  dev::launch(cuda, "sgd", sgd_kernel, shape_of(ranges), ranges.chunks_on(kCuda), arrays,
              named_factors<SgdFactors>(factors), data_or_null<double>(grad_scale));
}

}  // namespace vicinity::kernels
