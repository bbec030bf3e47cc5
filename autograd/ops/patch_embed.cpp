#include "autograd/ops/patch_embed.h"

#include "autograd/record.h"
#include "core/ops/column_sum.h"
#include "core/ops/linear.h"
#include "core/ops/patches.h"

namespace vicinity {

Variable patch_embed(const Tensor& images, const Variable& w, const Variable& bias) {
  const int64_t p = w.dim(1);
  VIC_CHECK(ShapeError, images.rank() == 4 && images.dim(3) == w.dim(3), "patch_embed: images ",
            images.shape(), " have other channels than the weight ", w.shape(), " [D, p, p, C]");
  const Tensor y = linear(patches(images, p), w.value().reshape({w.dim(0), -1}), bias.value());
  return record("patch_embed", y, {w, bias},
                [images, p, shape = w.shape()](const Tensor& dy, const Needs& needs) -> Grads {
                  const Tensor sink =
                      needs.sink(0).defined() ? needs.sink(0).reshape({shape[0], -1}) : Tensor{};
                  return {needs[0]
                              ? linear_backward_weight(dy, patches(images, p), sink).reshape(shape)
                              : Tensor{},
                          needs[1] ? column_sum(dy, needs.sink(1)) : Tensor{}};
                });
}

}  // namespace vicinity
