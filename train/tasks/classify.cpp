#include "train/tasks/classify.h"

#include "autograd/ops/cross_entropy.h"
#include "core/ops/class_weights.h"
#include "core/ops/label_rank.h"
#include "core/ops/mix_labels.h"
#include "core/ops/normalize_images.h"

namespace vicinity {

Variable Classify::loss(const LeafBatch& leaf, Pass& pass, LeafOutcome& outcome) {
  const Tensor images = normalize_images(leaf.images, normalization_.mean, normalization_.std,
                                         pass.act, mixing_.changes(leaf, pass));
  Targets targets{.first = leaf.labels, .smoothing = smoothing_};
  Tensor counted = leaf.labels;
  if (mixing_.mixes()) {
    targets.weight = mixing_.weights(leaf, pass);
    const MixedLabels labels = mix_labels(leaf.labels, targets.weight);
    targets.second = labels.partner;
    counted = labels.heavier;
  }
  if (class_weights_.defined())
    targets = {.dense = weighted_targets(targets, class_weights_, leaf.batch_labels)};
  const Variable logits = model_.logits(images, pass);
  const Variable losses = cross_entropy(logits, targets);
  outcome = {losses.value(), label_rank(logits.value(), counted)};
  return sum_scaled(losses, 1.0 / static_cast<double>(leaf.batch_size));
}

}  // namespace vicinity
