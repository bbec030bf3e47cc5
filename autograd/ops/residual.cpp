#include "autograd/ops/residual.h"

#include "autograd/record.h"
#include "core/ops/residual.h"

namespace vicinity {

ResidualVariables residual(const Variable& x, const Variable& branch, const Variable& gamma,
                           const Tensor& factors, const Variable& norm_w, const Variable& norm_b,
                           double eps) {
  const ResidualOut out = residual(x.value(), branch.value(), gamma.value(), factors,
                                   norm_w.value(), norm_b.value(), eps);
  const Tensor kept_branch = gamma.defined() ? branch.value() : Tensor{};
  auto backward = [sum = out.sum, kept_branch, gamma = gamma.value(), factors,
                   norm_w = norm_w.value(), eps](const Grads& dys, const Needs& needs) -> Grads {
    ResidualGrads grads = residual_backward(
        dys[0], dys[1], sum, kept_branch, gamma, factors, norm_w, eps,
        {.dgamma = needs.sink(2), .dnorm_w = needs.sink(3), .dnorm_b = needs.sink(4)});
    return {grads.dx, grads.dbranch, grads.dgamma, grads.dnorm_w, grads.dnorm_b};
  };
  std::vector<Variable> both = record("residual", {out.sum, out.normed},
                                      {x, branch, gamma, norm_w, norm_b}, std::move(backward));
  return {both[0], both[1]};
}

}  // namespace vicinity
