#pragma once

#include "models/layers/linear.h"

namespace vicinity {

/// Full self-attention with its projections.
class Attention {
 public:
  Attention() = default;
  Attention(int64_t channels, int64_t heads, bool qkv_bias);

  /// x: [B, N, C] -> same shape. `layer`: its number in the model, names its row of
  /// pass.head_mask.
  Variable operator()(const Variable& x, const Pass& pass, int64_t layer) const;
  void parameters(ParameterVisitor& v);

 private:
  std::vector<double> head_factors(const Pass& pass, int64_t layer) const;

  int64_t heads_ = 1;
  Linear qkv_, proj_;
};

}  // namespace vicinity
