#include "autograd/ops/dropout.h"

#include "autograd/record.h"

namespace vicinity {

Variable dropout(const Variable& x, const Tensor& factors) {
  return record(
      "dropout", dropout(x.value(), factors), {x},
      [factors](const Tensor& dy, const Needs&) -> Grads { return {dropout(dy, factors)}; });
}

}  // namespace vicinity
