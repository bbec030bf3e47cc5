#include "core/ops/class_weights.h"

namespace vicinity {

Tensor weighted_targets(const Targets& targets, const Tensor& class_weights,
                        const Tensor& batch_labels) {
  VIC_CHECK(ShapeError, targets.first.defined() && !targets.dense.defined(),
            "weighted_targets: wants labels, not dense targets");
  VIC_CHECK(ShapeError, class_weights.rank() == 1 && class_weights.size() > 0,
            "weighted_targets: class weights ", class_weights.shape(), ", wanted [K]");
  VIC_CHECK(ShapeError, batch_labels.rank() == 1, "weighted_targets: labels of the batch ",
            batch_labels.shape(), ", wanted [N]");
  Tensor dense = empty({targets.first.dim(0), class_weights.dim(0)}, class_weights.dtype(),
                       class_weights.device());
  if (dense.size() > 0) {
    on_device("weighted_targets", dense.device(),
              {2 * static_cast<double>(dense.size()), static_cast<double>(dense.bytes())},
              [&](auto& context) {
                kernels::weighted_targets(context, targets, class_weights, batch_labels, dense);
              });
  }
  return dense;
}

}  // namespace vicinity
