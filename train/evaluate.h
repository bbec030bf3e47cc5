// Exact evaluation: every image once, integer counts.
#pragma once

#include <functional>

#include "data/loader.h"
#include "models/model.h"
#include "train/eval_report.h"
#include "train/tasks/classify.h"

namespace vicinity {

/// Runs the model without recording over every batch of the loader, from its first image to its
/// last, or of one rank's part of each. `before`: called before each batch. DivergedError if a
/// logit is not finite.
EvalReport evaluate(Model& model, Loader& loader, const Normalization& normalization, DType act,
                    const std::function<void()>& before = {});

/// Images of a loader batch as the tensors that tasks take.
Tensor images_of(const Batch& batch);
Tensor labels_of(const Batch& batch);

}  // namespace vicinity
