#pragma once

#include "autograd/variable.h"

namespace vicinity {

struct ResidualVariables {
  Variable sum;
  Variable normed;  // absent without norm weights
};

/// core/ops/residual.h, differentiable in x, branch, gamma, norm_w and norm_b. Keeps the sum and,
/// with layer scale, the branch.
ResidualVariables residual(const Variable& x, const Variable& branch, const Variable& gamma,
                           const Tensor& factors, const Variable& norm_w, const Variable& norm_b,
                           double eps);

}  // namespace vicinity
