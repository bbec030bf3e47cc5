// What changes from step to step: numbers only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/config/fields.h"

namespace vicinity {

struct Knobs {
  double lr = 0;
  double weight_decay = 0;
};

enum class Decay { cosine, linear, constant };

/// The learning rate of step t = 0, 1, ...: a line up to the peak over W = warmup_steps, a decay
/// down to the final rate, and that rate for the last cooldown_steps.
///   t < W   peak (t + 1) / W, or where warmup_lr is given warmup_lr + (peak - warmup_lr) t / W
///   after   cosine: final + (peak - final) / 2 (1 + cos(pi s)); linear: peak + (final - peak) s
/// With T = total_steps - cooldown_steps, s = (t - W) / (T - W) if warmup_prefix, else s = t / T,
/// the clock of timm, which runs during the warm-up: the rate then starts to fall from below its
/// peak. s is at most 1. Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts; the
/// same numbers as timm's CosineLRScheduler, one update a step.
struct Schedule {
  Decay decay = Decay::cosine;
  double peak_lr = 1e-3;
  double final_lr = 0;
  std::optional<double> warmup_lr;
  double weight_decay = 0;
  int64_t warmup_steps = 0;
  int64_t cooldown_steps = 0;
  int64_t total_steps = 1;
  bool warmup_prefix = true;

  Knobs at(int64_t step) const;
  /// Whether the warm-up comes to its end before the cool-down or the run does.
  bool reaches_peak() const { return warmup_steps <= total_steps - cooldown_steps; }
};

/// sched.*: the shape of a schedule, in lengths that become steps when the run's length is known.
struct ScheduleConfig {
  std::string name = "cosine";
  std::string warmup = "5%";
  std::optional<double> warmup_lr;
  bool warmup_prefix = true;
  double final_lr = 0;
  std::string cooldown = "0it";

  template <class V>
  void fields(V& v) {
    v("name", name, "what follows the warm-up", one_of({"cosine", "linear", "constant"}));
    v("warmup", warmup, "length of the linear warm-up: 5ep, 200it or 10%");
    v("warmup_lr", warmup_lr,
      "learning rate of the first step, as timm's; null: the peak over the steps of the warm-up",
      at_least(0));
    v("warmup_prefix", warmup_prefix,
      "the decay begins when the warm-up ends; false: its clock runs from the first step, as in "
      "timm, so that it is on its way when the warm-up ends");
    v("final_lr", final_lr, "learning rate at the end", at_least(0));
    v("cooldown", cooldown, "last part of the run, at final_lr: 10ep, 200it or 3%");
  }
};

/// ConfigError where a length is none, or the cool-down is longer than the run.
Schedule make_schedule(const ScheduleConfig& config, double peak_lr, double weight_decay,
                       int64_t steps_per_epoch, int64_t total_steps);

/// A length of training: "5ep" epochs, "200it" steps, "10%" of the run, a bare number: epochs.
/// ConfigError, which speaks of `key`, on other text.
int64_t parse_length(const std::string& key, const std::string& text, int64_t steps_per_epoch,
                     int64_t total_steps);

}  // namespace vicinity
