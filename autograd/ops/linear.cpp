#include "autograd/ops/linear.h"

#include "autograd/record.h"
#include "core/ops/column_sum.h"
#include "core/ops/linear.h"

namespace vicinity {

Variable linear(const Variable& x, const Variable& w, const Variable& bias) {
  return record("linear", linear(x.value(), w.value(), bias.value()), {x, w, bias},
                [x = x.value(), w = w.value()](const Tensor& dy, const Needs& needs) -> Grads {
                  return {needs[0] ? linear_backward_input(dy, w) : Tensor{},
                          needs[1] ? linear_backward_weight(dy, x, needs.sink(1)) : Tensor{},
                          needs[2] ? column_sum(dy, needs.sink(2)) : Tensor{}};
                });
}

}  // namespace vicinity
