#include "models/layers/layer_norm.h"

#include "autograd/ops/layer_norm.h"

namespace vicinity {

LayerNorm::LayerNorm(int64_t channels, double eps)
    : weight_({channels}, {Init::constant(1), Init::constant(1)}),
      bias_({channels}, {Init::constant(0), Init::constant(0)}),
      eps_(eps) {}

Variable LayerNorm::operator()(const Variable& x) const {
  return layer_norm(x, weight(), bias(), eps_);
}

void LayerNorm::parameters(ParameterVisitor& v) {
  v("weight", weight_);
  v("bias", bias_);
}

}  // namespace vicinity
