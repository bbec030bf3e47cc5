#include "autograd/ops/activation.h"

#include "autograd/record.h"

namespace vicinity {

Variable activation(const Variable& x, Activation kind) {
  return record("activation", activation(x.value(), kind), {x},
                [x = x.value(), kind](const Tensor& dy, const Needs&) -> Grads {
                  return {activation_backward(dy, x, kind)};
                });
}

}  // namespace vicinity
