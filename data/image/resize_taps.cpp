#include "data/image/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vicinity {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double flat(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }

double sinc(double x) {
  x *= std::numbers::pi;
  return x == 0 ? 1 : std::sin(x) / x;
}

double hamming(double x) {
  x = std::abs(x);
  if (x == 0) return 1;
  if (x >= 1) return 0;
  return sinc(x) * (0.54f + 0.46f * std::cos(x * std::numbers::pi));  // floats in Pillow too
}

double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

// Inputs [low, high) that an output reads.
struct Window {
  double centre, scale;
  int low, high;

  Window(int output, int in, double step, double reach)
      : centre((output + 0.5) * step), scale(std::max(step, 1.0)) {
    const double support = reach * scale;
    low = std::max(static_cast<int>(centre - support + 0.5), 0);
    high = std::min(static_cast<int>(centre + support + 0.5), in);
  }
};

// The filter is a constant here, so that it is part of the loop.
template <double filter(double)>
void weigh(const Window& window, std::vector<double>& weights) {
  weights.clear();
  double sum = 0;
  for (int j = window.low; j < window.high; ++j) {
    weights.push_back(filter((j - window.centre + 0.5) * (1.0 / window.scale)));
    sum += weights.back();
  }
  for (double& w : weights) w = sum != 0 ? w / sum : 0;
}

struct Filter {
  double reach;  // to each side, in pixels of the smaller picture
  void (*weigh)(const Window& window, std::vector<double>& weights);
};

Filter filter_of(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::lanczos:
      return {3, weigh<lanczos>};
    case Interpolation::bilinear:
      return {1, weigh<triangle>};
    case Interpolation::bicubic:
      return {2, weigh<cubic>};
    case Interpolation::hamming:
      return {1, weigh<hamming>};
    case Interpolation::box:
    case Interpolation::nearest:
      break;
  }
  return {0.5, weigh<flat>};
}

int32_t fixed_point(double weight) {
  const double w = weight * (1 << kWeightBits);
  return static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
}

void put_weights(const std::vector<double>& weights, int32_t* high, int32_t* low) {
  for (size_t j = 0; j < weights.size(); ++j) {
    const int32_t w = fixed_point(weights[j]);
    const int shift = j % 2 == 0 ? 0 : 16;
    const uint32_t part = static_cast<uint16_t>(w >> kLowBits);
    high[j / 2] |= static_cast<int32_t>(part << shift);
    low[j / 2] |= (w & ((1 << kLowBits) - 1)) << shift;
  }
}

}  // namespace

Taps make_taps(const Axis& axis, Interpolation interpolation) {
  const double step = static_cast<double>(axis.in) / axis.out;
  const Filter filter = filter_of(interpolation);
  Taps taps;
  for (int i = 0; i < axis.count; ++i) {
    const Window window(axis.first + i, axis.in, step, filter.reach);
    taps.first.push_back(window.low);
    taps.pairs = std::max(taps.pairs, (window.high - window.low + 1) / 2);
  }
  const auto pairs = static_cast<size_t>(taps.pairs);
  taps.high.resize(static_cast<size_t>(axis.count) * pairs);
  taps.low.resize(taps.high.size());
  std::vector<double> weights;
  for (int i = 0; i < axis.count; ++i) {
    filter.weigh(Window(axis.first + i, axis.in, step, filter.reach), weights);
    const size_t at = static_cast<size_t>(i) * pairs;
    put_weights(weights, taps.high.data() + at, taps.low.data() + at);
  }
  return taps;
}

std::vector<int> nearest_inputs(const Axis& axis) {
  const double step = static_cast<double>(axis.in) / axis.out;
  double centre = step * 0.5;
  for (int o = 0; o < axis.first; ++o) centre += step;
  std::vector<int> inputs;
  for (int i = 0; i < axis.count; ++i, centre += step)
    inputs.push_back(std::min(static_cast<int>(centre), axis.in - 1));
  return inputs;
}

void mirror(Taps& taps) {
  std::reverse(taps.first.begin(), taps.first.end());
  const auto pairs = static_cast<ptrdiff_t>(taps.pairs);
  const auto reverse_blocks = [&](std::vector<int32_t>& w) {
    std::reverse(w.begin(), w.end());
    for (auto block = w.begin(); block != w.end(); block += pairs)
      std::reverse(block, block + pairs);
  };
  reverse_blocks(taps.high);
  reverse_blocks(taps.low);
}

}  // namespace vicinity
