#pragma once

#include "tests/reference/layer_norm.h"

namespace vicinity::reference {

/// [x + factors[sample] gamma[channel] branch, LayerNorm of it where norm_w is given].
inline std::vector<Tensor> residual(const Tensor& x, const Tensor& branch, const Tensor& gamma,
                                    const Tensor& factors, const Tensor& norm_w,
                                    const Tensor& norm_b, double eps) {
  Tensor sum = empty_like(x);
  const int64_t columns = x.dim(-1), sample = x.size() / std::max<int64_t>(1, x.dim(0));
  for (int64_t i = 0; i < x.size(); ++i) {
    double weight = 1;
    if (gamma.defined()) weight *= gamma.data<double>()[i % columns];
    if (factors.defined()) weight *= factors.data<double>()[i / sample];
    sum.data<double>()[i] = x.data<double>()[i] + weight * branch.data<double>()[i];
  }
  if (!norm_w.defined()) return {sum};
  return {sum, layer_norm(sum, norm_w, norm_b, eps)};
}

}  // namespace vicinity::reference
