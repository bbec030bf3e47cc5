#pragma once

#include "models/parameter.h"

namespace vicinity {

/// LayerNorm over the last axis. Parameters: weight [C], bias [C].
class LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(int64_t channels, double eps);

  Variable operator()(const Variable& x) const;
  Variable weight() const { return weight_.master(); }
  Variable bias() const { return bias_.master(); }
  double eps() const { return eps_; }
  void parameters(ParameterVisitor& v);

 private:
  Parameter weight_, bias_;
  double eps_ = 1e-5;
};

}  // namespace vicinity
