// AdamW: one launch over all ranges, one pass over four arrays and the bf16 copy.
//   bytes     30 each parameter: p, m, v read and written, the gradient read, the copy written
//   numerics  f32 as the CPU; factors are read in f64 and rounded once
#include "core/cuda/update.cuh"
#include "core/ops/adamw.h"

namespace vicinity::kernels {
namespace {

struct Arrays {
  float* param;
  const float* grad;
  float *m, *v;
  bf16* copy;
};

DEV_KERNEL void adamw_kernel(const UpdateRanges::Chunk* chunks, Arrays a,
                             const AdamwFactors* factors, const double* grad_scale) {
  const double exact_scale = scale_or_one(grad_scale);
  if (exact_scale != exact_scale) return;
  const UpdateRanges::Chunk chunk = chunks[dev::block()];
  const AdamwFactors f = *factors;
  const double decay = chunk.decay != 0 ? f.weight_decay : 0.0;
  const auto scale = static_cast<float>(exact_scale);
  const auto keep = static_cast<float>(1.0 - f.lr * chunk.lr_scale * decay);
  const auto rate = static_cast<float>(f.rate * chunk.lr_scale);
  const auto beta1 = static_cast<float>(f.beta1), rest1 = static_cast<float>(1 - f.beta1);
  const auto beta2 = static_cast<float>(f.beta2), rest2 = static_cast<float>(1 - f.beta2);
  const auto unbias = static_cast<float>(f.root), eps = static_cast<float>(f.eps);
  for_chunk(chunk, [&]<int n>(int64_t i) {
    const dev::Pack<float, n> grad = dev::load_pack<n>(a.grad + i);
    dev::Pack<float, n> p = dev::load_pack<n>(a.param + i), m = dev::load_pack<n>(a.m + i),
                        v = dev::load_pack<n>(a.v + i);
    DEV_UNROLL
    for (int k = 0; k < n; ++k) {
      const float g = grad.at[k] * scale;
      m.at[k] = beta1 * m.at[k] + rest1 * g;
      v.at[k] = beta2 * v.at[k] + rest2 * g * g;
      const float root = dev::sqrt(v.at[k]) * unbias + eps;
      p.at[k] = p.at[k] * keep - dev::divide(rate * m.at[k], root);
    }
    dev::store_pack(a.param + i, p);
    dev::store_pack(a.m + i, m);
    dev::store_pack(a.v + i, v);
    round_into(a.copy, i, p);
  });
}

}  // namespace

void adamw(Cuda& cuda, Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
           const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  if (ranges.chunk_count() == 0) return;
  check_aligned({&param, &grad, &m, &v, &copy});
  const Arrays arrays{param.data<float>(), grad.data<float>(), m.data<float>(), v.data<float>(),
                      data_or_null<bf16>(copy)};
  dev::launch(cuda, "adamw", adamw_kernel, shape_of(ranges), ranges.chunks_on(kCuda), arrays,
              named_factors<AdamwFactors>(factors), data_or_null<double>(grad_scale));
}

}  // namespace vicinity::kernels
