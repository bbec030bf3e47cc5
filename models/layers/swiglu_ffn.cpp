#include "models/layers/swiglu_ffn.h"

#include "autograd/ops/swiglu.h"

namespace vicinity {

SwigluFfn::SwigluFfn(int64_t channels, int64_t hidden)
    : in_(channels, 2 * hidden, true), out_(hidden, channels, true) {}

Variable SwigluFfn::operator()(const Variable& x, const Pass& pass) const {
  return out_(swiglu(in_(x, pass)), pass);
}

void SwigluFfn::parameters(ParameterVisitor& v) {
  v("weights_in", in_);
  v("weights_out", out_);
}

}  // namespace vicinity
