#include "core/ops/mix_labels.h"

namespace vicinity {

MixedLabels mix_labels(const Tensor& labels, const Tensor& weight) {
  VIC_CHECK(ShapeError, labels.rank() == 1 && weight.shape() == labels.shape(),
            "mix_labels: needs labels and weights [B], got ", labels.shape(), " and ",
            weight.shape());
  MixedLabels mixed{empty_like(labels), empty_like(labels)};
  if (labels.size() > 0) {
    on_device("mix_labels", labels.device(), {0, 4 * static_cast<double>(labels.bytes())},
              [&](auto& context) { kernels::mix_labels(context, labels, weight, mixed); });
  }
  return mixed;
}

}  // namespace vicinity
