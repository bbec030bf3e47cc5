#include "models/layers/attention.h"

#include "autograd/ops/attention.h"

namespace vicinity {

Attention::Attention(int64_t channels, int64_t heads, bool qkv_bias)
    : heads_(heads),
      qkv_(channels, 3 * channels, qkv_bias, {"query", "key", "value"}),
      proj_(channels, channels, true) {}

Variable Attention::operator()(const Variable& x, const Pass& pass) const {
  return proj_(attention(qkv_(x, pass), heads_), pass);
}

void Attention::parameters(ParameterVisitor& v) {
  v("attention", qkv_);
  v("output.dense", proj_);
}

}  // namespace vicinity
