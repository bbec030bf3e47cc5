// What changes from step to step: numbers only.
#pragma once

#include <cstdint>
#include <string>

namespace vicinity {

struct Knobs {
  double lr = 0;
  double weight_decay = 0;
};

/// Linear warm-up from 0, then half a cosine down to final_lr:
///   lr(s) = peak * (s + 1) / warmup                                            for s < warmup
///   lr(s) = final + (peak - final) / 2 * (1 + cos(pi * (s - warmup) / (total - warmup)))   after
/// Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts; per optimiser step.
struct Schedule {
  double peak_lr = 1e-3;
  double final_lr = 0;
  double weight_decay = 0;
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;
  bool constant = false;  // after the warm-up, stay at the peak

  Knobs at(int64_t step) const;
};

/// A length of training: "5ep" epochs, "200it" steps, "10%" of the run, a bare number: epochs.
/// ConfigError on other text.
int64_t parse_length(const std::string& text, int64_t steps_per_epoch, int64_t total_steps);

}  // namespace vicinity
