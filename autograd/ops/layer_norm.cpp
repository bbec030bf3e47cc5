#include "autograd/ops/layer_norm.h"

#include "autograd/record.h"
#include "core/ops/layer_norm.h"

namespace vicinity {

Variable layer_norm(const Variable& x, const Variable& w, const Variable& b, double eps) {
  return record("layer_norm", layer_norm(x.value(), w.value(), b.value(), eps), {x, w, b},
                [x = x.value(), w = w.value(), eps](const Tensor& dy, const Needs& needs) -> Grads {
                  LayerNormGrads grads = layer_norm_backward(
                      dy, x, w, eps, {.dx = {}, .dw = needs.sink(1), .db = needs.sink(2)});
                  return {grads.dx, grads.dw, grads.db};
                });
}

}  // namespace vicinity
