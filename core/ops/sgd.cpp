#include "core/ops/sgd.h"

namespace vicinity {

void sgd_(Tensor& param, const Tensor& grad, Tensor& buffer, const SgdStep& step) {
  VIC_CHECK(ShapeError, param.shape() == grad.shape() && param.shape() == buffer.shape(),
            "sgd_: parameter ", param.shape(), ", gradient ", grad.shape(), ", buffer ",
            buffer.shape());
  if (param.size() == 0) return;
  on_device("sgd", param.device(),
            {6 * static_cast<double>(param.size()), 5 * static_cast<double>(param.bytes())},
            [&](auto& context) { kernels::sgd(context, param, grad, buffer, step); });
}

}  // namespace vicinity
