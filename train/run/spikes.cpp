#include "train/run/spikes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vicinity {
namespace {

constexpr size_t kWindow = 50, kLeast = 20;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool leaps(double loss, double center, const std::vector<double>& before) {
  std::vector<double> distances;
  for (const double other : before) distances.push_back(std::abs(other - center));
  const double deviation = 1.4826 * median(std::move(distances));
  return loss > 1.5 * center && loss > center + 10 * deviation;
}

}  // namespace

std::optional<double> SpikeWatch::add(double loss) {
  if (!std::isfinite(loss)) return std::nullopt;  // said elsewhere
  const std::vector<double> before(losses_.begin(), losses_.end());
  losses_.push_back(loss);
  if (losses_.size() > kWindow) losses_.pop_front();
  if (quiet_ > 0) --quiet_;
  if (before.size() < kLeast || quiet_ > 0) return std::nullopt;
  const double center = median(before);
  if (!leaps(loss, center, before)) return std::nullopt;
  quiet_ = static_cast<int64_t>(kWindow);
  return center;
}

}  // namespace vicinity
