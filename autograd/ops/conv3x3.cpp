#include "autograd/ops/conv3x3.h"

#include "autograd/record.h"
#include "core/ops/column_sum.h"
#include "core/ops/conv3x3.h"

namespace vicinity {

Variable conv3x3(const Variable& x, const Variable& w, const Variable& bias) {
  return record("conv3x3", conv3x3(x.value(), w.value(), bias.value()), {x, w, bias},
                [x = x.value(), w = w.value()](const Tensor& dy, const Needs& needs) -> Grads {
                  return {needs[0] ? conv3x3_backward_input(dy, w, x.dim(1), x.dim(2)) : Tensor{},
                          needs[1] ? conv3x3_backward_weight(dy, x, needs.sink(1)) : Tensor{},
                          needs[2] ? column_sum(dy, needs.sink(2)) : Tensor{}};
                });
}

}  // namespace vicinity
