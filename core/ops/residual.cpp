#include "core/ops/residual.h"

#include "core/ops/elementwise.h"

namespace vicinity {

ResidualOut residual(const Tensor& x, const Tensor& branch, const Tensor& gamma,
                     const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b,
                     double eps) {
  VIC_CHECK(ShapeError, x.shape() == branch.shape(), "residual: x ", x.shape(), ", branch ",
            branch.shape());
  VIC_CHECK(ShapeError, !factors.defined() || factors.shape() == Shape({x.dim(0)}),
            "residual: one factor for each of ", x.dim(0), " samples");
  VIC_CHECK(ShapeError, !gamma.defined() || gamma.size() == x.dim(-1), "residual: layer scale of ",
            gamma.defined() ? gamma.size() : 0, " channels for x ", x.shape());
  ResidualOut out{empty_like(x), norm_w.defined() ? empty_like(x) : Tensor{}};
  if (x.size() > 0) {
    on_device("residual", x.device(),
              {10 * static_cast<double>(x.size()),
               (norm_w.defined() ? 4 : 3) * static_cast<double>(x.bytes())},
              [&](auto& context) {
                kernels::residual_forward(context, x, branch, gamma, factors, norm_w, norm_b, eps,
                                          out);
              });
  }
  return out;
}

ResidualGrads residual_backward(const Tensor& dsum, const Tensor& dnormed, const Tensor& sum,
                                const Tensor& branch, const Tensor& gamma, const Tensor& factors,
                                const Tensor& norm_w, double eps) {
  VIC_ASSERT(dsum.defined() || dnormed.defined());
  ResidualGrads grads;
  const bool scaled = gamma.defined() || factors.defined();
  if (!dnormed.defined() && !scaled) {
    grads.dx = grads.dbranch = dsum;
    return grads;
  }
  grads.dx = empty_like(sum);
  grads.dbranch = scaled ? empty_like(sum) : grads.dx;
  if (gamma.defined()) grads.dgamma = empty_like(gamma);
  if (dnormed.defined()) {
    grads.dnorm_w = empty_like(norm_w);
    grads.dnorm_b = empty_like(norm_w);
  }
  if (sum.size() > 0) {
    on_device(
        "residual_backward", sum.device(),
        {20 * static_cast<double>(sum.size()), (scaled ? 6 : 4) * static_cast<double>(sum.bytes())},
        [&](auto& context) {
          kernels::residual_backward(context, dsum, dnormed, sum, branch, gamma, factors, norm_w,
                                     eps, grads);
        });
  } else {
    for (Tensor* grad : {&grads.dgamma, &grads.dnorm_w, &grads.dnorm_b}) {
      if (grad->defined()) fill_(*grad, 0);
    }
  }
  return grads;
}

}  // namespace vicinity
