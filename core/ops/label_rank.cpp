#include "core/ops/label_rank.h"

namespace vicinity {
namespace {

void check(const Tensor& logits, const Tensor& labels) {
  const bool fits =
      logits.rank() == 2 && logits.dim(1) > 0 && labels.shape() == Shape({logits.dim(0)});
  VIC_CHECK(ShapeError, fits, "label_rank: needs logits [B, K] and labels [B], got ",
            logits.shape(), " and ", labels.shape());
  VIC_CHECK(DTypeError, logits.dtype() == DType::f32 || logits.dtype() == DType::f64,
            "label_rank: needs logits in f32 or f64, got ", logits.dtype());
  VIC_CHECK(DTypeError, labels.dtype() == DType::i32, "label_rank: needs labels in i32, got ",
            labels.dtype());
  if (labels.device() != kCpu) return;
  for (const int32_t label : values_of<int32_t>(labels)) {
    VIC_CHECK(DataError, label >= 0 && label < logits.dim(1), "label ", label, " is outside 0..",
              logits.dim(1) - 1, ": the model has ", logits.dim(1), " classes");
  }
}

}  // namespace

Tensor label_rank(const Tensor& logits, const Tensor& labels) {
  check(logits, labels);
  Tensor ranks = empty(labels.shape(), DType::i32, logits.device());
  if (ranks.size() > 0) {
    on_device("label_rank", logits.device(),
              {static_cast<double>(logits.size()), static_cast<double>(logits.bytes())},
              [&](auto& context) { kernels::label_rank(context, logits, labels, ranks); });
  }
  return ranks;
}

}  // namespace vicinity
