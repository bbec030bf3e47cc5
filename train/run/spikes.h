// Losses that leap out of those before them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace vicinity {

/// Compares each loss with the median m of the up to 50 before it (at least 20): a spike is a loss
/// above 1.5 m and above m + 10 s, where s = 1.4826 times the median of |loss - m|, which is the
/// standard deviation of normal noise and does not move with single outliers (Hampel 1974, "The
/// influence curve and its role in robust estimation", sec. 5). After one, 50 steps are quiet.
class SpikeWatch {
 public:
  /// The median, if `loss` is a spike.
  std::optional<double> add(double loss);

 private:
  std::deque<double> losses_;
  int64_t quiet_ = 0;
};

}  // namespace vicinity
