#include "core/ops/residual.h"

#include "core/ops/elementwise.h"

namespace vicinity {

namespace {

void check_parameter(const char* name, const Tensor& parameter, int64_t size, const Tensor& x) {
  if (!parameter.defined()) return;
  VIC_CHECK(ShapeError, parameter.size() == size, "residual: ", name, " ", parameter.shape(),
            " does not fit x ", x.shape());
  VIC_CHECK(DTypeError, parameter.dtype() == accumulator_of(x.dtype()), "residual: ", name, " is ",
            parameter.dtype(), ", wanted ", accumulator_of(x.dtype()), " beside x of ", x.dtype());
}

}  // namespace

ResidualOut residual(const Tensor& x, const Tensor& branch, const Tensor& gamma,
                     const Tensor& factors, const Tensor& norm_w, const Tensor& norm_b,
                     double eps) {
  VIC_CHECK(ShapeError, x.shape() == branch.shape(), "residual: x ", x.shape(), ", branch ",
            branch.shape());
  VIC_CHECK(DTypeError, x.dtype() == branch.dtype(), "residual: x is ", x.dtype(), ", branch is ",
            branch.dtype());
  VIC_CHECK(ShapeError, norm_w.defined() == norm_b.defined(),
            "residual: the norm needs weight and bias, or neither");
  check_parameter("drop path factors", factors, x.dim(0), x);
  check_parameter("layer scale", gamma, x.dim(-1), x);
  check_parameter("norm weight", norm_w, x.dim(-1), x);
  check_parameter("norm bias", norm_b, x.dim(-1), x);
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
                                const Tensor& norm_w, double eps, const ResidualGrads& into) {
  VIC_ASSERT(dsum.defined() || dnormed.defined());
  ResidualGrads grads;
  const bool scaled = gamma.defined() || factors.defined();
  if (!dnormed.defined() && !scaled) {
    grads.dx = grads.dbranch = dsum;
    return grads;
  }
  grads.dx = empty_like(sum);
  grads.dbranch = scaled ? empty_like(sum) : grads.dx;
  const auto place = [](const Tensor& wanted, const Tensor& like) {
    return empty_or(wanted, like.shape(), like.dtype(), like.device());
  };
  if (gamma.defined()) grads.dgamma = place(into.dgamma, gamma);
  if (dnormed.defined()) {
    grads.dnorm_w = place(into.dnorm_w, norm_w);
    grads.dnorm_b = place(into.dnorm_b, norm_w);
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
