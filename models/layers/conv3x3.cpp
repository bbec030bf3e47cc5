#include "models/layers/conv3x3.h"

#include <cmath>

#include "autograd/ops/conv3x3.h"

namespace vicinity {

Conv3x3::Conv3x3(int64_t in, int64_t out, bool bias) : has_bias_(bias) {
  const Init torch_default =
      Init::uniform(1 / std::sqrt(static_cast<double>(9 * in)));  // bound of fan-in
  weight_ = Parameter({out, 3, 3, in}, {torch_default, Init::normal(0.02)});
  weight_.stored_channels_last().used_in_products();
  bias_ = Parameter({out}, {torch_default, Init::constant(0)});
}

Variable Conv3x3::operator()(const Variable& x) const {
  return conv3x3(x, weight_.use(x.dtype()), has_bias_ ? bias_.master() : Variable());
}

void Conv3x3::parameters(ParameterVisitor& v) {
  v("weight", weight_);
  if (has_bias_) v("bias", bias_);
}

}  // namespace vicinity
