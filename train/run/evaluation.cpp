#include "train/run/evaluation.h"

#include <cmath>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/profile.h"

namespace vicinity {

Evaluation::Evaluation(RunParts& parts, MetricsFile& metrics, RunState& state)
    : parts_(parts),
      metrics_(metrics),
      state_(state),
      loader_(*parts.data.val, parts.config.data.transform, LoaderMode::eval,
              std::min<int64_t>(parts.config.train.micro_batch, 256),
              {.threads = parts.config.data.loader_threads, .seed = parts.config.seed}) {}

bool Evaluation::due(int64_t steps) const {
  if (steps == parts_.length.steps) return true;
  const double every = parts_.config.train.eval_every;
  if (every <= 0) return false;
  const auto interval = std::max<int64_t>(
      1, std::llround(every * static_cast<double>(parts_.length.steps_per_epoch)));
  return steps % interval == 0;
}

void Evaluation::run() {
  const auto start = std::chrono::steady_clock::now();
  const EvalReport report =
      evaluate(*parts_.model, loader_, normalization_of(parts_.config.data.transform), parts_.act);
  state_.evaluated_step = parts_.steps_done();
  state_.top1 = report.top1_percent();
  const bool best = state_.top1 > state_.best_top1;
  if (best) {
    state_.best_top1 = state_.top1;
    state_.best_step = state_.evaluated_step;
  }
  log_info("eval step ", state_.evaluated_step, ": ", report.text(), " in ",
           format_seconds(seconds_since(start)), best ? ", the best so far" : "");
  metrics_.write(JsonLine()
                     .add("step", state_.evaluated_step)
                     .add("val_count", report.count)
                     .add("val_top1", report.top1)
                     .add("val_top5", report.top5)
                     .add("val_loss", report.loss_sum / static_cast<double>(report.count)));
}

}  // namespace vicinity
