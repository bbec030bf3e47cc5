#include "train/report/axis.h"

#include <algorithm>
#include <cmath>

#include "train/report/html.h"

namespace vicinity {
namespace {

// The smallest of 1, 2, 5 times a power of ten that is at least `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

Axis::Axis(double low, double high, int ticks, bool logarithmic, bool tight)
    : low_(low), high_(high), logarithmic_(logarithmic) {
  if (!(high_ > low_)) {  // one value, or none
    const double margin = std::max(std::abs(low_) * 0.1, 1e-6);
    low_ = logarithmic ? low_ / 2 : low_ - margin;
    high_ = logarithmic ? high_ * 2 : high_ + margin;
  }
  if (logarithmic) {
    place_logarithmic();
  } else {
    place_linear(ticks, tight);
  }
}

void Axis::place_linear(int ticks, bool tight) {
  const double step = round_step((high_ - low_) / ticks);
  if (!tight) {
    low_ = std::floor(low_ / step + 1e-9) * step;
    high_ = std::ceil(high_ / step - 1e-9) * step;
  }
  const auto first = static_cast<int64_t>(std::ceil(low_ / step - 1e-9));
  const auto last = static_cast<int64_t>(std::floor(high_ / step + 1e-9));
  for (int64_t i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    ticks_.push_back({value, short_number(value)});
  }
}

// Powers of ten; with 2 and 5 times them where there are few.
void Axis::place_logarithmic() {
  const bool few = std::log10(high_ / low_) < 2.5;
  const auto first = static_cast<int>(std::floor(std::log10(low_)));
  const auto last = static_cast<int>(std::ceil(std::log10(high_)));
  for (int power = first; power <= last; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, power);
      if (value >= low_ && value <= high_ && (few || factor == 1))
        ticks_.push_back({value, short_number(value)});
    }
  }
}

double Axis::at(double value) const {
  if (logarithmic_) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

}  // namespace vicinity
