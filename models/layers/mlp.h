#pragma once

#include "core/ops/activation.h"
#include "models/layers/linear.h"

namespace vicinity {

/// y = W2 f(W1 x + b1) + b2. The families name the two projections differently.
class Mlp {
 public:
  Mlp() = default;
  Mlp(int64_t channels, int64_t hidden, Activation kind, std::string first_name,
      std::string second_name);

  Variable operator()(const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  Linear first_, second_;
  Activation kind_ = Activation::gelu;
  std::string first_name_, second_name_;
};

}  // namespace vicinity
