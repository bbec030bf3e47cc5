#include "core/ops/adamw.h"

#include <cmath>

namespace vicinity {

Tensor AdamwStep::factors() const {
  const auto t = static_cast<double>(step);
  const double root = 1 / std::sqrt(1 - std::pow(beta2, t));
  return tensor_of<double>(
      {7}, {lr, weight_decay, lr / (1 - std::pow(beta1, t)), beta1, beta2, root, eps});
}

void adamw_(Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
            const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  const bool alike =
      param.shape() == grad.shape() && param.shape() == m.shape() && param.shape() == v.shape();
  VIC_CHECK(ShapeError, alike && (!copy.defined() || param.shape() == copy.shape()),
            "adamw_: parameter ", param.shape(), ", gradient ", grad.shape(), ", moments ",
            m.shape(), " and ", v.shape(), ", copy ", copy.shape());
  VIC_CHECK(ShapeError, ranges.end() <= param.size(), "adamw_: ranges end at ", ranges.end(),
            ", the parameter has ", param.size(), " elements");
  VIC_CHECK(ShapeError, factors.shape() == Shape({7}) && factors.dtype() == DType::f64,
            "adamw_: factors ", factors.shape(), " ", factors.dtype(), " are not AdamwStep's");
  if (param.size() == 0) return;
  on_device("adamw", param.device(),
            {14 * static_cast<double>(param.size()),
             7 * static_cast<double>(param.bytes()) +
                 (copy.defined() ? static_cast<double>(copy.bytes()) : 0)},
            [&](auto& context) {
              kernels::adamw(context, param, grad, m, v, copy, ranges, factors, grad_scale);
            });
}

}  // namespace vicinity
