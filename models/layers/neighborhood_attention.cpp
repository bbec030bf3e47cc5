#include "models/layers/neighborhood_attention.h"

#include "autograd/ops/neighborhood_attention.h"
#include "autograd/ops/pad_map.h"

namespace vicinity {

NeighborhoodAttention::NeighborhoodAttention(int64_t channels, const NeighborhoodWindow& window,
                                             bool qkv_bias)
    : window_(window),
      qkv_(channels, 3 * channels, qkv_bias, {"query", "key", "value"}),
      proj_(channels, channels, true),
      rpb_({window.heads, 2 * window.kernel - 1, 2 * window.kernel - 1},
           {Init::normal(0.02), Init::constant(0)}) {}

Variable NeighborhoodAttention::operator()(const Variable& x, const Pass& pass) const {
  const int64_t height = x.dim(1), width = x.dim(2), reach = window_.kernel * window_.dilation;
  const Variable padded = pad_map(x, std::max(height, reach), std::max(width, reach));
  const Variable qkv = qkv_(padded, pass), rpb = rpb_.master();
  if (pass.wants(&OutputRequest::attentions)) {
    pass.outputs->keep(&Outputs::attentions,
                       neighborhood_attention_probabilities(qkv.value(), rpb.value(), window_));
  }
  const Variable attended = neighborhood_attention(qkv, rpb, window_);
  return proj_(pad_map(attended, height, width), pass);
}

void NeighborhoodAttention::parameters(ParameterVisitor& v) {
  v("self.rpb", rpb_);
  v("self", qkv_);
  v("output.dense", proj_);
}

}  // namespace vicinity
