#include "train/run/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/runtime/cpu.h"
#include "core/runtime/profile.h"
#include "train/run/loading_hint.h"

namespace vicinity {
namespace {

double epochs_of(int64_t steps, const Length& length) {
  return static_cast<double>(steps) / static_cast<double>(length.steps_per_epoch);
}

constexpr int64_t kBar = 20;  // columns

// Of the same width and with the same digits for 1e-3 and for the 1e-7 that a fine-tune ends with.
std::string rate_text(double lr) {
  std::array<char, 16> text;
  std::snprintf(text.data(), text.size(), "%.2e", lr);
  return text.data();
}

}  // namespace

// A step that was left out has no loss.
void Progress::Interval::add(const StepReport& report, int64_t batch, double waited) {
  wait += waited;
  images += batch;
  ++steps;
  if (!std::isfinite(report.loss)) return;
  loss += report.loss;
  accuracy += report.accuracy;
  ++good;
}

double Progress::seconds_left(const StepReport& report) const {
  const auto left = static_cast<double>(parts_.length.steps - report.step);
  return left * seconds_since(interval_.start) / static_cast<double>(interval_.steps);
}

// Less than 80 columns.
std::string Progress::bar(const StepReport& report) const {
  std::string drawn(kBar, ' ');
  std::fill_n(drawn.begin(), kBar * report.step / parts_.length.steps, '=');
  const double loss = interval_.loss / static_cast<double>(interval_.good),
               rate = static_cast<double>(interval_.images) / seconds_since(interval_.start);
  return str("[", drawn, "] ", report.step, "/", parts_.length.steps, "  loss ",
             format_fixed(loss, 4), "  ", format_fixed(rate, 0), " img/s  eta ",
             format_seconds(seconds_left(report)));
}

std::string Progress::line(const StepReport& report) const {
  const double seconds = seconds_since(interval_.start);
  const auto good = static_cast<double>(interval_.good);
  const double rate = static_cast<double>(interval_.images) / seconds;
  return str("step ", report.step, "/", parts_.length.steps, "  epoch ",
             format_fixed(epochs_of(report.step, parts_.length), 2), "  loss ",
             format_fixed(interval_.loss / good, 4), "  acc ",
             format_fixed(100 * interval_.accuracy / good, 1), " %  lr ",
             rate_text(report.knobs.lr), "  grad ", format_fixed(report.grad_norm, 2), "  ",
             format_fixed(rate, 0), " img/s  data wait ",
             format_fixed(100 * interval_.wait / seconds, 1), " %  mem ",
             format_bytes(static_cast<double>(peak_memory(parts_.device))), "  eta ",
             format_seconds(seconds_left(report)));
}

void Progress::step(const StepReport& report, int64_t images, double waited) {
  interval_.add(report, images, waited);
  recorder_.step(report, {images, waited, parts_.trainer->phases()});
  if (const auto median = spikes_.add(report.loss)) {
    log_warning("the loss of step ", report.step, " is ", format_fixed(report.loss, 4),
                ", the median of the steps before it ", format_fixed(*median, 4));
  }
  if (report.step % parts_.config.train.log_every != 0 && report.step != parts_.length.steps) {
    log_progress(bar(report));
    return;
  }
  log_info(line(report));
  const double share = interval_.wait / seconds_since(interval_.start);
  const std::string hint = loading_hint(share, parts_.config.data, available_cores());
  if (!hint.empty() && interval_.steps > 1) log_info(hint);
  restart();
}

}  // namespace vicinity
