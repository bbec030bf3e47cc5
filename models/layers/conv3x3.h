#pragma once

#include "models/parameter.h"
#include "models/pass.h"

namespace vicinity {

/// 3x3 convolution, stride 2, padding 1, channels last. Parameters: weight [out, in, 3, 3]
/// (published), bias [out].
class Conv3x3 {
 public:
  Conv3x3() = default;
  Conv3x3(int64_t in, int64_t out, bool bias);

  /// x: [B, H, W, in] -> [B, ceil(H/2), ceil(W/2), out].
  Variable operator()(const Variable& x) const;
  void parameters(ParameterVisitor& v);

 private:
  Parameter weight_, bias_;
  bool has_bias_ = false;
};

}  // namespace vicinity
