#include "models/layers/attention.h"

#include "autograd/ops/attention.h"
#include "core/ops/attention.h"

namespace vicinity {

Attention::Attention(int64_t channels, int64_t heads, bool qkv_bias)
    : heads_(heads),
      qkv_(channels, 3 * channels, qkv_bias, {"query", "key", "value"}),
      proj_(channels, channels, true) {}

Variable Attention::operator()(const Variable& x, const Pass& pass) const {
  const Variable qkv = qkv_(x, pass);
  if (pass.wants_attentions()) {
    pass.capture->attentions.push_back(attention_probabilities(qkv.value(), heads_));
  }
  return proj_(attention(qkv, heads_), pass);
}

void Attention::parameters(ParameterVisitor& v) {
  v("attention", qkv_);
  v("output.dense", proj_);
}

}  // namespace vicinity
