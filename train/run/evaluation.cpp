#include "train/run/evaluation.h"

#include <cmath>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"
#include "train/optim/averaging.h"
#include "train/run/signals.h"

namespace vicinity {

namespace {

int64_t batch_of(const RunParts& parts) {
  return std::min<int64_t>(parts.config.train.micro_batch, 256);
}

}  // namespace

Evaluation::Evaluation(RunParts& parts, Recorder& recorder, RunState& state)
    : parts_(parts),
      recorder_(recorder),
      state_(state),
      loader_(
          *parts.data.val, parts.config.data.transform, LoaderMode::eval,
          batch_of_ranks(batch_of(parts), parts.comm),
          share_of_rank({.threads = parts.config.data.loader_threads, .seed = parts.config.seed},
                        batch_of(parts), parts.comm)) {}

int64_t Evaluation::interval() const {
  const double every = parts_.config.train.eval_every;
  return std::max<int64_t>(
      1, std::llround(every * static_cast<double>(parts_.length.steps_per_epoch)));
}

bool Evaluation::due(int64_t steps) const {
  if (steps == parts_.length.steps) return true;
  return parts_.config.train.eval_every > 0 && steps % interval() == 0;
}

bool Evaluation::out_of_patience() const {
  const TrainConfig& train = parts_.config.train;
  return done() && train.patience > 0 && train.eval_every > 0 &&
         (state_.evaluated_step - state_.best_step) / interval() >= train.patience;
}

EvalReport Evaluation::evaluate_weights() {
  EvalReport own = evaluate(*parts_.model, loader_, normalization_of(parts_.config.data.transform),
                            parts_.act, [this] { before_batch(); });
  return parts_.comm != nullptr ? merge_reports(*parts_.comm, own) : std::move(own);
}

void Evaluation::before_batch() const {
  parts_.doing("evaluation");
  const int signal = SignalWatch::received();
  if (signal != 0 && !parts_.ranks) throw EvaluationCut{signal};
}

std::optional<EvalReport> Evaluation::evaluate_average() {
  if (!parts_.optimizer->average().defined()) return std::nullopt;
  const AverageInUse in_use(parts_.model->store(), *parts_.optimizer, parts_.ranks.get());
  return evaluate_weights();
}

bool Evaluation::note(const EvalReport& report) {
  state_.evaluated_step = parts_.steps_done();
  state_.top1 = report.top1_percent();
  const double score = score_of(parts_.config.train.best, report);
  if (state_.best_step > 0 && score <= state_.best_score) return false;
  state_.best_top1 = state_.top1;
  state_.best_score = score;
  state_.best_step = state_.evaluated_step;
  return true;
}

EvalReport Evaluation::run() {
  const auto start = std::chrono::steady_clock::now();
  EvalReport raw = evaluate_weights();
  std::optional<EvalReport> average = evaluate_average();
  const bool best = note(average ? *average : raw);
  log_info("eval step ", state_.evaluated_step, ": ", raw.text(),
           average ? "; averaged weights: " + average->text() : "", " in ",
           format_seconds(seconds_since(start)), best ? ", the best so far" : "");
  recorder_.evaluation(state_.evaluated_step, raw, average);
  return average ? std::move(*average) : std::move(raw);
}

double score_of(const std::string& metric, const EvalReport& report) {
  if (metric == "val_loss") return -report.mean_loss();
  if (metric == "val_balanced") return report.balanced_percent();
  if (metric == "val_top5") return report.top5_percent();
  return report.top1_percent();
}

}  // namespace vicinity
