#include "core/ops/sgd.h"

namespace vicinity {

Tensor SgdStep::factors() const {
  return tensor_of<double>({5},
                           {lr, momentum, weight_decay, nesterov ? 1.0 : 0.0, first ? 1.0 : 0.0});
}

void sgd_(Tensor& param, const Tensor& grad, Tensor& buffer, Tensor& copy,
          const UpdateRanges& ranges, const Tensor& factors, const Tensor& grad_scale) {
  VIC_CHECK(ShapeError,
            param.shape() == grad.shape() && param.shape() == buffer.shape() &&
                (!copy.defined() || param.shape() == copy.shape()),
            "sgd_: parameter ", param.shape(), ", gradient ", grad.shape(), ", buffer ",
            buffer.shape(), ", copy ", copy.shape());
  VIC_CHECK(ShapeError, ranges.end() <= param.size(), "sgd_: ranges end at ", ranges.end(),
            ", the parameter has ", param.size(), " elements");
  VIC_CHECK(ShapeError, factors.shape() == Shape({5}) && factors.dtype() == DType::f64,
            "sgd_: factors ", factors.shape(), " ", factors.dtype(), " are not SgdStep's");
  if (param.size() == 0) return;
  on_device("sgd", param.device(),
            {6 * static_cast<double>(param.size()),
             5 * static_cast<double>(param.bytes()) +
                 (copy.defined() ? static_cast<double>(copy.bytes()) : 0)},
            [&](auto& context) {
              kernels::sgd(context, param, grad, buffer, copy, ranges, factors, grad_scale);
            });
}

}  // namespace vicinity
