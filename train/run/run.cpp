#include "train/run/run.h"

#include <csignal>
#include <utility>

#include "core/base/log.h"
#include "train/run/signals.h"
#include "train/run/step_on_paper.h"

namespace vicinity {

Run::Run(RunConfig config, const RunDirectory& directory, bool resume)
    : directory_(directory), parts_(open_parts(std::move(config))) {
  directory_.write_classes(parts_.data.train->class_names());
  build_parts(parts_, /*fresh=*/!resume);
  saving_.emplace(parts_, directory_, state_);
  if (resume) saving_->restore();
  metrics_.emplace(directory_.file("metrics.jsonl"), parts_.steps_done());
  batches_.emplace(parts_);
  batches_->seek(parts_.steps_done());
  progress_.emplace(parts_, *metrics_);
  evaluation_.emplace(parts_, *metrics_, state_);
  log_info("run        ", directory_.path());
  describe(parts_);
}

StepReport Run::step_on(const TrainBatch& batch) {
  const bool last = parts_.steps_done() + 1 == parts_.length.steps;
  try {
    return parts_.trainer->step(batch.images, batch.labels, [&] {
      if (!last) batches_->prefetch();
    });
  } catch (OutOfMemory& error) {
    const int64_t fits = largest_micro_batch(parts_.config, memory_of(parts_.device));
    error.add_context(fits > 0 ? str("using train.micro_batch=", parts_.config.train.micro_batch,
                                     "; on paper train.micro_batch=", fits,
                                     " fits this device when nobody else uses it")
                               : "training a model of which not even one image fits this device");
    throw;
  }
}

void Run::step() {
  const StepReport report = in_context(str("training step ", parts_.steps_done() + 1),
                                       [&] { return step_on(batches_->next()); });
  progress_->step(report, batches_->take_wait());
}

void Run::evaluate() {
  evaluation_->run();
  saving_->save();
  progress_->restart();
}

RunResult Run::train() {
  const SignalWatch signals;
  progress_->restart();
  while (parts_.steps_done() < parts_.length.steps) {
    step();
    if (evaluation_->due(parts_.steps_done())) evaluate();
    if (saving_->due(parts_.steps_done()) && !saving_->done()) saving_->save();
    if (signals.received() != 0) return finish(signals.received());
  }
  return finish(0);
}

RunResult Run::finish(int signal) {
  if (signal == 0 && !evaluation_->done()) evaluate();
  if (!saving_->done()) saving_->save();
  if (signal != 0) {
    log_info(signal == SIGINT ? "interrupted" : "terminated", " after step ", parts_.steps_done(),
             "; saved. Continue with: vicinity train --out ", directory_.path(), " --resume");
  }
  return {parts_.steps_done(), state_.top1, state_.best_top1, signal};
}

}  // namespace vicinity
