#include "train/run/run.h"

#include <csignal>
#include <utility>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "train/eval_files.h"
#include "train/run/agreement.h"
#include "train/run/forecast.h"
#include "train/run/signals.h"
#include "train/run/step_on_paper.h"

namespace vicinity {

std::string RunResult::text() const {
  return str("top-1 ", format_fixed(top1, 2), " %  best ", format_fixed(best_top1, 2), " %");
}

Run::Run(RunConfig config, const RunDirectory& directory, bool resume, Communicator* comm)
    : directory_(directory),
      parts_(open_parts(std::move(config), comm)),
      saving_(parts_, directory, state_),
      divergence_(parts_, directory, state_, saving_) {
  directory_.write_classes(parts_.data.train->class_names());
  const auto checkpoint = resume ? saving_.find() : std::nullopt;
  build_parts(parts_, /*fresh=*/!checkpoint);
  if (checkpoint) saving_.restore(*checkpoint);
  if (comm != nullptr) agree(*comm, facts_of_parts(parts_.data, *parts_.model, parts_.act));
  directory_.remove_done();
  const bool evaluation_known = state_.evaluated_step == parts_.steps_done();
  recorder_.emplace(directory_.path(),
                    Recorder::Settings{.known = {parts_.steps_done(), evaluation_known},
                                       .steps_per_epoch = parts_.length.steps_per_epoch,
                                       .log_every = parts_.config.train.log_every,
                                       .device = parts_.device,
                                       .writes = parts_.is_first()});
  batches_.emplace(parts_);
  batches_->seek(parts_.steps_done());
  progress_.emplace(parts_, *recorder_);
  evaluation_.emplace(parts_, *recorder_, state_);
  log_info("run        ", directory_.path());
  describe(parts_);
  if (checkpoint) log_info("resumed at step ", parts_.steps_done(), " of ", parts_.length.steps);
  if (resume && !checkpoint) log_info("resumed at step 0: no checkpoint was written yet");
  if (parts_.is_first())
    floor_ = find_floor(parts_.config, *parts_.model, parts_.data, parts_.act, parts_.steps_done(),
                        parts_.length.steps, directory_.file("eval/floor.json"));
}

StepReport Run::step_on(const TrainBatch& batch) {
  const bool last = parts_.steps_done() + 1 == parts_.length.steps;
  try {
    return parts_.trainer->step(batch.images, batch.labels, [&] {
      if (!last) batches_->prefetch();
    });
  } catch (OutOfMemory& error) {
    const size_t left = memory_left_for(parts_.device),
                 libraries = library_bytes(parts_.config, parts_.device);
    // An eighth is for gaps between tensors.
    const int64_t fits =
        left > libraries ? largest_micro_batch(parts_.config, (left - libraries) / 8 * 7) : 0;
    error.add_context(fits > 0 ? str("using train.micro_batch=", parts_.config.train.micro_batch,
                                     "; on paper train.micro_batch=", fits,
                                     " fits what this process can have")
                               : "training a model of which not even one image fits this device");
    throw;
  }
}

void Run::step() {
  saving_.poll();
  const std::string context = str("training step ", parts_.steps_done() + 1);
  const TrainBatch batch = in_context(context, [&] { return batches_->next(); });
  StepReport report;
  try {
    report = in_context(context, [&] { return step_on(batch); });
    if (parts_.config.train.on_nan == "skip") state_.out_in_row = 0;
  } catch (const DivergedError& error) {
    report = divergence_.handle(batch, error);
  }
  progress_->step(report, batch.labels.dim(0), batches_->take_wait());
}

EvalReport Run::evaluated() {
  try {
    return evaluation_->run();
  } catch (OutOfMemory& error) {
    error.add_context(str("evaluation after step ", parts_.steps_done()));
    if (parts_.comm == nullptr) {  // no step is lost: a resumed run begins with this evaluation
      save(/*scheduled=*/false);
      saving_.wait();
    }
    throw;
  }
}

void Run::evaluate() {
  const EvalReport report = evaluated();
  if (parts_.is_first())
    write_eval_json(directory_.file("eval"), report, *parts_.data.val,
                    {.model = directory_.path(), .step = parts_.steps_done()});
  save();
  progress_->restart();
}

void Run::save(bool scheduled) {
  saving_.save(recorder_->files(), scheduled);
  recorder_->saved(parts_.steps_done());
}

RunResult Run::train() {
  const SignalWatch signals;
  try {
    return train_to_the_end();
  } catch (const EvaluationCut& cut) {
    return leave(cut.signal);
  }
}

RunResult Run::train_to_the_end() {
  const auto start = std::chrono::steady_clock::now();
  progress_->restart();
  // A signal may have come between a step and its evaluation.
  const bool began = parts_.steps_done() > 0;
  if (began && evaluation_->due(parts_.steps_done()) && !evaluation_->done()) evaluate();
  while (parts_.steps_done() < parts_.length.steps && !evaluation_->out_of_patience()) {
    step();
    const int signal = parts_.ranks ? parts_.trainer->signal() : SignalWatch::received();
    if (signal != 0) return leave(signal);
    if (evaluation_->due(parts_.steps_done())) {
      evaluate();
    } else if (saving_.due(parts_.steps_done())) {
      save();
    }
  }
  const RunResult result = finish();
  log_info("checkpoints: ", saving_.count(), " written, for which training waited ",
           format_fixed(100 * saving_.waited() / seconds_since(start), 2), " % of ",
           format_seconds(seconds_since(start)));
  return result;
}

RunResult Run::finish() {
  if (parts_.steps_done() < parts_.length.steps) {
    log_info("train.patience: no better ", parts_.config.train.best, " in ",
             parts_.config.train.patience, " evaluations, the run ends here");
  }
  if (!evaluation_->done()) evaluate();
  saving_.wait();
  compare_with_floor(floor_, state_.best_top1, parts_.config);
  const RunResult result{parts_.steps_done(), state_.top1, state_.best_top1};
  directory_.write_done(result.text());
  return result;
}

// What is due after this step, its evaluation above all, is left to the run that resumes.
RunResult Run::leave(int signal) {
  const int64_t steps = parts_.steps_done();
  save(/*scheduled=*/saving_.due(steps) && !evaluation_->due(steps));
  saving_.wait();
  log_info(signal == SIGINT    ? "interrupted"
           : signal == SIGTERM ? "terminated"
                               : "asked to leave",
           " after step ", steps, "; saved. Continue with: ", resume_command(directory_.path()));
  return {steps, state_.top1, state_.best_top1, signal};
}

}  // namespace vicinity
