#include "core/ops/adamw.h"

namespace vicinity {

void adamw_(Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, const AdamwStep& step) {
  const bool alike =
      param.shape() == grad.shape() && param.shape() == m.shape() && param.shape() == v.shape();
  VIC_CHECK(ShapeError, alike, "adamw_: parameter ", param.shape(), ", gradient ", grad.shape(),
            ", moments ", m.shape(), " and ", v.shape());
  if (param.size() == 0) return;
  on_device("adamw", param.device(),
            {14 * static_cast<double>(param.size()), 7 * static_cast<double>(param.bytes())},
            [&](auto& context) { kernels::adamw(context, param, grad, m, v, step); });
}

}  // namespace vicinity
