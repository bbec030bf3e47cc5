#include "autograd/ops/reshape.h"

#include "autograd/record.h"

namespace vicinity {

Variable reshape(const Variable& x, const Shape& shape) {
  return record("reshape", x.value().reshape(shape), {x},
                [before = x.shape()](const Tensor& dy, const Needs&) -> Grads {
                  return {dy.reshape(before)};
                });
}

}  // namespace vicinity
