#include "train/metrics/recorder.h"

#include <sys/resource.h>

#include "core/runtime/profile.h"
#include "core/tensor/allocator.h"

namespace vicinity {
namespace {

constexpr double kGib = 1 << 30;

Scalars scalars_of(const StepReport& report) {
  return {{"train/loss", report.loss},
          {"train/top1", 100 * report.accuracy},
          {"train/lr", report.knobs.lr},
          {"train/grad_norm", report.grad_norm}};
}

// `of`: val, or ema for the averaged weights.
Scalars scalars_of(const std::string& of, const EvalReport& report) {
  return {
      {of + "/loss", report.mean_loss()},    {of + "/top1", report.top1_percent()},
      {of + "/top5", report.top5_percent()}, {of + "/balanced", report.balanced_percent()},
      {of + "/ece", report.ece()},           {of + "/images", static_cast<double>(report.count())}};
}

// Most that the process ever had in memory; on a GPU most that its tensors had.
double peak_gib(Device device) {
  if (device != kCpu) return static_cast<double>(allocator_of(device).use().peak) / kGib;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Recorder::Files::Files(const std::string& directory, const KnownUpTo& known)
    : metrics(directory + "/metrics.jsonl", known),
      timing(directory + "/timing.jsonl", known),
      events(directory, known) {}

Recorder::Recorder(const std::string& run_directory, Settings settings)
    : settings_(settings), directory_(run_directory) {
  if (!settings.writes) return;
  files_.emplace(directory_, settings.known);
  for (const MetricsLine& line : files_->metrics.kept()) summary_.add(line);
  write_file_atomically(directory_ + "/summary.csv", summary_.csv());
}

double Recorder::epoch_of(int64_t step) const {
  return static_cast<double>(step) / static_cast<double>(settings_.steps_per_epoch);
}

double Recorder::lap() {
  const double seconds = seconds_since(mark_);
  mark_ = std::chrono::steady_clock::now();
  return seconds;
}

void Recorder::note(int64_t step, const Scalars& scalars) {
  if (!files_) return;
  files_->metrics.write(step, epoch_of(step), scalars);
  files_->events.write(step, scalars);
  if (summary_.add({step, epoch_of(step), scalars}))
    write_file_atomically(directory_ + "/summary.csv", summary_.csv());
}

void Recorder::note_time(int64_t step, Scalars scalars) {
  if (!files_) return;
  files_->events.write(step, scalars);
  scalars.emplace_back("time/unix", unix_time());
  files_->timing.write(step, epoch_of(step), scalars);
}

void Recorder::step(const StepReport& report, const StepCost& cost) {
  note(report.step, scalars_of(report));
  interval_.seconds += lap();
  ++interval_.steps;
  interval_.images += cost.images;
  interval_.wait += cost.wait;
  interval_.phases.forward += cost.phases.forward;
  interval_.phases.backward += cost.phases.backward;
  interval_.phases.update += cost.phases.update;
  if (report.step % settings_.log_every == 0) end_interval(report.step);
}

void Recorder::end_interval(int64_t step) {
  if (interval_.steps == 0) return;
  const Interval i = std::exchange(interval_, {});
  note_time(step, {{"train/img_per_s", static_cast<double>(i.images) / i.seconds},
                   {"train/data_wait", 100 * i.wait / i.seconds},
                   {"train/mem_gib", peak_gib(settings_.device)},
                   {"time/steps_s", i.seconds},
                   {"time/wait_s", i.wait},
                   {"time/forward_s", i.phases.forward},
                   {"time/backward_s", i.phases.backward},
                   {"time/update_s", i.phases.update}});
}

void Recorder::evaluation(int64_t step, const EvalReport& raw,
                          const std::optional<EvalReport>& average) {
  end_interval(step);
  Scalars scalars = scalars_of("val", raw);
  if (average) {
    const Scalars averaged = scalars_of("ema", *average);
    scalars.insert(scalars.end(), averaged.begin(), averaged.end());
  }
  note(step, scalars);
  note_time(step, {{"time/eval_s", lap()}});
}

std::vector<std::string> Recorder::files() const {
  if (!files_) return {};
  return {directory_ + "/metrics.jsonl", directory_ + "/timing.jsonl", files_->events.path()};
}

void Recorder::saved(int64_t step) {
  end_interval(step);
  note_time(step, {{"time/save_s", lap()}});
}

}  // namespace vicinity
