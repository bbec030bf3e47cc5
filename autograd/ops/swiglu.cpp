#include "autograd/ops/swiglu.h"

#include "autograd/record.h"
#include "core/ops/swiglu.h"

namespace vicinity {

Variable swiglu(const Variable& x) {
  return record("swiglu", swiglu(x.value()), {x},
                [x = x.value()](const Tensor& dy, const Needs&) -> Grads {
                  return {swiglu_backward(dy, x)};
                });
}

}  // namespace vicinity
