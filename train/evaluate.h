// Exact evaluation: every image once, integer counts.
#pragma once

#include <functional>

#include "core/comm/communicator.h"
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

/// Batches of an evaluation that ranks share: of as many images in a row as all ranks take, `batch`
/// each, this rank reads its own. So each batch that goes through a model is one of a process on
/// its own. `comm`: absent: there are no others.
int64_t batch_of_ranks(int64_t batch, const Communicator* comm);
LoaderConfig share_of_rank(LoaderConfig loading, int64_t batch, const Communicator* comm);
/// All predictions that ranks made, by index, on every rank.
EvalReport merge_reports(Communicator& comm, const EvalReport& own);

/// Images of a loader batch as the tensors that tasks take.
Tensor images_of(const Batch& batch);
Tensor labels_of(const Batch& batch);

}  // namespace vicinity
