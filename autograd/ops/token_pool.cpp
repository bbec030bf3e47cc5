#include "autograd/ops/token_pool.h"

#include "autograd/record.h"
#include "core/ops/token_pool.h"

namespace vicinity {

Variable token_pool(const Variable& x, int64_t first, bool with_cls) {
  return record("token_pool", token_pool(x.value(), first, with_cls), {x},
                [shape = x.shape(), dtype = x.dtype(), first, with_cls](const Tensor& dy,
                                                                        const Needs&) -> Grads {
                  return {token_pool_backward(dy, shape, dtype, first, with_cls)};
                });
}

}  // namespace vicinity
