#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace vicinity {

Knobs Schedule::at(int64_t step) const {
  if (step < warmup_steps) {
    const double share = static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
    return {peak_lr * share, weight_decay};
  }
  if (constant) return {peak_lr, weight_decay};
  const auto span = static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps));
  const double at = std::min(1.0, static_cast<double>(step - warmup_steps) / span);
  return {final_lr + (peak_lr - final_lr) / 2 * (1 + std::cos(std::numbers::pi * at)),
          weight_decay};
}

int64_t parse_length(const std::string& text, int64_t steps_per_epoch, int64_t total_steps) {
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
  VIC_CHECK(ConfigError, known && value >= 0 && std::isfinite(value), "sched.warmup = '", text,
            "' is not a length; write 5ep (epochs), 200it (steps) or 10% (of the run)");
  if (unit == "it") return std::llround(value);
  if (unit == "%") return std::llround(value / 100 * static_cast<double>(total_steps));
  return std::llround(value * static_cast<double>(steps_per_epoch));
}

}  // namespace vicinity
