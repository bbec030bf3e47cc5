#pragma once

#include "models/layers/linear.h"

namespace vicinity {

/// y = W_out (silu(gate) * value) + b, [gate, value] = W_in x + b. Shazeer 2020, arXiv:2002.05202.
class SwigluFfn {
 public:
  SwigluFfn() = default;
  SwigluFfn(int64_t channels, int64_t hidden);

  Variable operator()(const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  Linear in_, out_;
};

}  // namespace vicinity
