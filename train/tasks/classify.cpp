#include "train/tasks/classify.h"

#include "autograd/ops/cross_entropy.h"
#include "core/ops/label_rank.h"
#include "core/ops/normalize_images.h"

namespace vicinity {

Variable Classify::loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) {
  const Tensor images =
      normalize_images(leaf.images, normalization_.mean, normalization_.std, pass.act);
  const Variable logits = model_.logits(images, pass);
  const Variable losses = cross_entropy(logits, {.first = leaf.labels, .smoothing = smoothing_});
  outcome = {losses.value(), label_rank(logits.value(), leaf.labels)};
  return sum_scaled(losses, 1.0 / static_cast<double>(leaf.batch_size));
}

}  // namespace vicinity
