// The moving average on the CPU: one pass over two arrays, bound by memory.
#include "core/ops/ema.h"

#include "core/cpu/update.h"

namespace vicinity::kernels {
namespace {

template <class C>
void follow(C rest, int64_t n, const C* __restrict p, C* __restrict average) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) average[i] += rest * (p[i] - average[i]);
}

}  // namespace

void ema(Cpu& cpu, Tensor& average, const Tensor& param, double decay, const Tensor& grad_scale) {
  for_master_dtype(param.dtype(), [&]<class C>() {
    for_each_range(cpu, UpdateRanges::whole(param.size()), grad_scale,
                   [&](const UpdateRange&, double) {
                     return [&](int64_t begin, int64_t end) {
                       follow(static_cast<C>(1 - decay), end - begin, param.data<C>() + begin,
                              average.data<C>() + begin);
                     };
                   });
  });
}

}  // namespace vicinity::kernels
