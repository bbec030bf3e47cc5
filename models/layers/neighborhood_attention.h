#pragma once

#include "core/ops/neighborhood_attention.h"
#include "models/layers/linear.h"

namespace vicinity {

/// Neighborhood attention with its projections. Maps smaller than kernel x dilation are zero-padded
/// below and to the right before the qkv projection, as published: padding tokens carry the bias
/// and take part in the softmax.
class NeighborhoodAttention {
 public:
  NeighborhoodAttention() = default;
  NeighborhoodAttention(int64_t channels, const NeighborhoodWindow& window, bool qkv_bias);

  /// x: [B, H, W, C] -> same shape.
  Variable operator()(const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  NeighborhoodWindow window_;
  Linear qkv_, proj_;
  Parameter rpb_;
};

}  // namespace vicinity
