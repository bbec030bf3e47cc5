#include "autograd/ops/cross_entropy.h"

#include "autograd/record.h"

namespace vicinity {

Variable cross_entropy(const Variable& logits, const Targets& targets) {
  return record("cross_entropy", cross_entropy(logits.value(), targets), {logits},
                [logits = logits.value(), targets](const Tensor& dlosses, const Needs&) -> Grads {
                  return {cross_entropy_backward(dlosses, logits, targets)};
                });
}

Variable sum_scaled(const Variable& x, double factor) {
  return record("sum_scaled", sum_scaled(x.value(), factor), {x},
                [count = x.dim(0), factor](const Tensor& dy, const Needs&) -> Grads {
                  return {sum_scaled_backward(dy, count, factor)};
                });
}

}  // namespace vicinity
