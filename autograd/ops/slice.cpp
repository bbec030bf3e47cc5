#include "autograd/ops/slice.h"

#include "autograd/record.h"
#include "core/ops/elementwise.h"

namespace vicinity {

Variable slice(const Variable& x, int64_t begin, int64_t end) {
  return record("slice", x.value().slice(begin, end), {x},
                [shape = x.shape(), begin, end](const Tensor& dy, const Needs&) -> Grads {
                  const Tensor dx = zeros(shape, dy.dtype(), dy.device());
                  Tensor rows = dx.slice(begin, end);
                  copy_(rows, dy.reshape(rows.shape()));
                  return {dx};
                });
}

}  // namespace vicinity
