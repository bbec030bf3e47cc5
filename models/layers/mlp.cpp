#include "models/layers/mlp.h"

#include "autograd/ops/activation.h"

namespace vicinity {

Mlp::Mlp(int64_t channels, int64_t hidden, Activation kind, std::string first_name,
         std::string second_name)
    : first_(channels, hidden, true),
      second_(hidden, channels, true),
      kind_(kind),
      first_name_(std::move(first_name)),
      second_name_(std::move(second_name)) {}

Variable Mlp::operator()(const Variable& x, const Pass& pass) const {
  return second_(activation(first_(x, pass), kind_), pass);
}

void Mlp::parameters(ParameterVisitor& v) {
  v(first_name_, first_);
  v(second_name_, second_);
}

}  // namespace vicinity
