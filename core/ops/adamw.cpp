#include "core/ops/adamw.h"

namespace vicinity {

void adamw_(Tensor& param, const Tensor& grad, Tensor& m, Tensor& v, Tensor& copy,
            const UpdateRanges& ranges, const AdamwStep& step, const Tensor& grad_scale) {
  const bool alike =
      param.shape() == grad.shape() && param.shape() == m.shape() && param.shape() == v.shape();
  VIC_CHECK(ShapeError, alike && (!copy.defined() || param.shape() == copy.shape()),
            "adamw_: parameter ", param.shape(), ", gradient ", grad.shape(), ", moments ",
            m.shape(), " and ", v.shape(), ", copy ", copy.shape());
  VIC_CHECK(ShapeError, ranges.end() <= param.size(), "adamw_: ranges end at ", ranges.end(),
            ", the parameter has ", param.size(), " elements");
  if (param.size() == 0) return;
  on_device("adamw", param.device(),
            {14 * static_cast<double>(param.size()),
             7 * static_cast<double>(param.bytes()) +
                 (copy.defined() ? static_cast<double>(copy.bytes()) : 0)},
            [&](auto& context) {
              kernels::adamw(context, param, grad, m, v, copy, ranges, step, grad_scale);
            });
}

}  // namespace vicinity
