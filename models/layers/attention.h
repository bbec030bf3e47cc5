#pragma once

#include "models/layers/linear.h"

namespace vicinity {

/// Full self-attention with its projections.
class Attention {
 public:
  Attention() = default;
  Attention(int64_t channels, int64_t heads, bool qkv_bias);

  /// x: [B, N, C] -> same shape.
  Variable operator()(const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  int64_t heads_ = 1;
  Linear qkv_, proj_;
};

}  // namespace vicinity
