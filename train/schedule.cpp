#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace vicinity {

namespace {

// How far the decay has come: 0 at its beginning, 1 at its end.
double decayed(const Schedule& s, int64_t step) {
  const int64_t end = s.total_steps - s.cooldown_steps,
                begin = s.warmup_prefix ? s.warmup_steps : 0;
  const auto span = static_cast<double>(std::max<int64_t>(1, end - begin));
  return std::min(1.0, static_cast<double>(step - begin) / span);
}

double warming(const Schedule& s, int64_t step) {
  const auto steps = static_cast<double>(s.warmup_steps);
  if (!s.warmup_lr) return s.peak_lr * (static_cast<double>(step + 1) / steps);
  return *s.warmup_lr + static_cast<double>(step) * ((s.peak_lr - *s.warmup_lr) / steps);
}

}  // namespace

Knobs Schedule::at(int64_t step) const {
  if (step < warmup_steps) return {warming(*this, step), weight_decay};
  const bool cool = step >= total_steps - cooldown_steps;
  if (decay == Decay::constant) return {cool ? final_lr : peak_lr, weight_decay};
  const double share = decayed(*this, step);
  if (decay == Decay::linear) return {peak_lr + (final_lr - peak_lr) * share, weight_decay};
  return {final_lr + (peak_lr - final_lr) / 2 * (1 + std::cos(std::numbers::pi * share)),
          weight_decay};
}

Schedule make_schedule(const ScheduleConfig& config, double peak_lr, double weight_decay,
                       int64_t steps_per_epoch, int64_t total_steps) {
  const auto length = [&](const char* key, const std::string& text) {
    return parse_length(key, text, steps_per_epoch, total_steps);
  };
  Schedule schedule{.decay = config.name == "constant" ? Decay::constant
                             : config.name == "linear" ? Decay::linear
                                                       : Decay::cosine,
                    .peak_lr = peak_lr,
                    .final_lr = config.final_lr,
                    .warmup_lr = config.warmup_lr,
                    .weight_decay = weight_decay,
                    .warmup_steps = length("sched.warmup", config.warmup),
                    .cooldown_steps = length("sched.cooldown", config.cooldown),
                    .total_steps = total_steps,
                    .warmup_prefix = config.warmup_prefix};
  VIC_CHECK(ConfigError, schedule.cooldown_steps <= total_steps,
            "sched.cooldown = ", config.cooldown, " is ", schedule.cooldown_steps,
            " steps, the run has ", total_steps, "; train.epochs counts the cool-down too");
  return schedule;
}

int64_t parse_length(const std::string& key, const std::string& text, int64_t steps_per_epoch,
                     int64_t total_steps) {
  double value = 0;
  std::string unit;
  try {
    size_t used = 0;
    value = std::stod(text, &used);
    unit = text.substr(used);
  } catch (const std::exception&) {
    unit = "?";
  }
  const bool known = unit.empty() || unit == "ep" || unit == "it" || unit == "%";
  VIC_CHECK(ConfigError, known && value >= 0 && std::isfinite(value), key, " = '", text,
            "' is not a length; write 5ep (epochs), 200it (steps) or 10% (of the run)");
  if (unit == "it") return std::llround(value);
  if (unit == "%") return std::llround(value / 100 * static_cast<double>(total_steps));
  return std::llround(value * static_cast<double>(steps_per_epoch));
}

}  // namespace vicinity
