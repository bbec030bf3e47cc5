#include "data/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "core/base/error.h"
#include "data/image/resize_rows.h"

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

// Inputs [low, high) of an output, and their weights before they are rounded.
struct Window {
  int low = 0, high = 0;
  std::vector<double> weights;

  void place(int output, int in, double scale, Interpolation interpolation) {
    const double filter = std::max(scale, 1.0);
    const double support = (interpolation == Interpolation::bicubic ? 2.0 : 1.0) * filter;
    const double centre = (output + 0.5) * scale;
    low = std::max(static_cast<int>(centre - support + 0.5), 0);
    high = std::min(static_cast<int>(centre + support + 0.5), in);
    weights.clear();
    double sum = 0;
    for (int j = low; j < high; ++j) {
      const double x = (j - centre + 0.5) * (1.0 / filter);
      weights.push_back(interpolation == Interpolation::bicubic ? cubic(x) : triangle(x));
      sum += weights.back();
    }
    for (double& w : weights) w = sum != 0 ? w / sum : 0;
  }
};

int32_t fixed_point(double weight) {
  const double w = weight * (1 << kWeightBits);
  return static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
}

Taps make_taps(int in, int out, Interpolation interpolation) {
  const double scale = static_cast<double>(in) / out;
  std::vector<Window> windows(static_cast<size_t>(out));
  Taps taps;
  for (int o = 0; o < out; ++o) {
    Window& window = windows[static_cast<size_t>(o)];
    window.place(o, in, scale, interpolation);
    taps.first.push_back(window.low);
    taps.pairs = std::max(taps.pairs, (window.high - window.low + 1) / 2);
  }
  taps.high.resize(static_cast<size_t>(out) * static_cast<size_t>(taps.pairs));
  taps.low.resize(taps.high.size());
  for (int o = 0; o < out; ++o) {
    const std::vector<double>& weights = windows[static_cast<size_t>(o)].weights;
    for (size_t j = 0; j < weights.size(); ++j) {
      const int32_t w = fixed_point(weights[j]);
      const size_t pair = static_cast<size_t>(o * taps.pairs) + j / 2;
      const int shift = j % 2 == 0 ? 0 : 16;
      taps.high[pair] |= static_cast<int32_t>(
          static_cast<uint32_t>(static_cast<uint16_t>(w >> kLowBits)) << shift);
      taps.low[pair] |= (w & ((1 << kLowBits) - 1)) << shift;
    }
  }
  return taps;
}

// Rows of the box at the new width, with room behind them as resize_down wants it.
struct Rows {
  size_t stride;
  std::unique_ptr<uint8_t[]> bytes;

  Rows(int width, int height, int spare)
      : stride(static_cast<size_t>(width) * 3 + kRowPadding),
        bytes(new uint8_t[stride * static_cast<size_t>(height + spare)]) {}
  uint8_t* row(int y) { return bytes.get() + static_cast<size_t>(y) * stride; }
};

void fill_rows(const Image& image, const Box& box, int width, Interpolation kind, Rows& rows) {
  const auto bytes = static_cast<size_t>(box.width) * 3;
  const auto source = [&](int y) {
    return image.row(box.top + y) + static_cast<ptrdiff_t>(box.left) * 3;
  };
  if (width == box.width) {
    for (int y = 0; y < box.height; ++y) std::memcpy(rows.row(y), source(y), bytes);
    return;
  }
  const Taps taps = make_taps(box.width, width, kind);
  std::vector<uint8_t> line(bytes + static_cast<size_t>(taps.pairs) * 6 + kRowPadding);
  for (int y = 0; y < box.height; ++y) {
    std::memcpy(line.data(), source(y), bytes);
    resize_across(line.data(), taps, rows.row(y));
  }
}

}  // namespace

Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation) {
  VIC_ASSERT(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
                 box.left + box.width <= image.width && box.top + box.height <= image.height &&
                 width > 0 && height > 0,
             "box ", box.left, ",", box.top, " ", box.width, "x", box.height, " of ", image.width,
             "x", image.height);
  const Taps taps = height == box.height ? Taps() : make_taps(box.height, height, interpolation);
  Rows rows(width, box.height, 2 * taps.pairs);
  fill_rows(image, box, width, interpolation, rows);
  Image out(width, height);
  const auto bytes = static_cast<size_t>(width) * 3;
  for (int y = 0; y < height; ++y) {
    if (taps.pairs == 0) {
      std::memcpy(out.row(y), rows.row(y), bytes);
    } else {
      resize_down(rows.bytes.get(), rows.stride, taps, y, bytes, out.row(y));
    }
  }
  return out;
}

}  // namespace vicinity
