#include "core/ops/cross_entropy.h"

namespace vicinity {
namespace {

void check_labels(const Tensor& labels, int64_t batch, int64_t classes) {
  if (!labels.defined()) return;
  VIC_CHECK(ShapeError, labels.shape() == Shape({batch}), "cross_entropy: labels ", labels.shape(),
            " for ", batch, " rows of logits");
  if (labels.device() != kCpu) return;
  for (const int32_t label : values_of<int32_t>(labels)) {
    VIC_CHECK(DataError, label >= 0 && label < classes, "label ", label, " is outside 0..",
              classes - 1, ": the model has ", classes, " classes");
  }
}

void check(const Tensor& logits, const Targets& targets) {
  VIC_CHECK(ShapeError, logits.rank() == 2 && logits.dim(1) > 0,
            "cross_entropy: needs logits [B, K], got ", logits.shape());
  VIC_CHECK(DTypeError, logits.dtype() == DType::f32 || logits.dtype() == DType::f64,
            "cross_entropy: needs logits in f32 or f64, got ", logits.dtype());
  if (targets.dense.defined()) {
    VIC_CHECK(ShapeError, targets.dense.shape() == logits.shape(), "cross_entropy: dense targets ",
              targets.dense.shape(), ", logits ", logits.shape());
    VIC_CHECK(DTypeError, targets.dense.dtype() == logits.dtype(),
              "cross_entropy: dense targets are ", targets.dense.dtype(), ", logits are ",
              logits.dtype());
    return;
  }
  VIC_CHECK(ShapeError, targets.first.defined(), "cross_entropy: needs labels or dense targets");
  VIC_CHECK(ShapeError, targets.second.defined() == targets.weight.defined(),
            "cross_entropy: second labels and their weight come together");
  check_labels(targets.first, logits.dim(0), logits.dim(1));
  check_labels(targets.second, logits.dim(0), logits.dim(1));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Targets& targets) {
  check(logits, targets);
  Tensor losses = empty({logits.dim(0)}, logits.dtype(), logits.device());
  if (losses.size() > 0) {
    on_device(
        "cross_entropy", logits.device(),
        {5 * static_cast<double>(logits.size()), static_cast<double>(logits.bytes())},
        [&](auto& context) { kernels::cross_entropy_forward(context, logits, targets, losses); });
  }
  return losses;
}

Tensor cross_entropy_backward(const Tensor& dlosses, const Tensor& logits, const Targets& targets) {
  Tensor dlogits = empty_like(logits);
  if (dlogits.size() > 0) {
    on_device("cross_entropy_backward", logits.device(),
              {6 * static_cast<double>(logits.size()), 2 * static_cast<double>(logits.bytes())},
              [&](auto& context) {
                kernels::cross_entropy_backward(context, dlosses, logits, targets, dlogits);
              });
  }
  return dlogits;
}

Tensor sum_scaled(const Tensor& x, double factor) {
  Tensor y = empty({1}, x.dtype(), x.device());
  on_device("sum_scaled", x.device(),
            {static_cast<double>(x.size()), static_cast<double>(x.bytes())},
            [&](auto& context) { kernels::sum_scaled(context, x, factor, y); });
  return y;
}

Tensor sum_scaled_backward(const Tensor& dy, int64_t count, double factor) {
  Tensor dx = empty({count}, dy.dtype(), dy.device());
  on_device("sum_scaled_backward", dy.device(),
            {static_cast<double>(count), static_cast<double>(dx.bytes())},
            [&](auto& context) { kernels::sum_scaled_backward(context, dy, factor, dx); });
  return dx;
}

}  // namespace vicinity
