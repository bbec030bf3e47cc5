#include "data/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
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

// Inputs [low, high) that an output reads.
struct Window {
  double centre, filter;
  int low, high;

  Window(int output, int in, double scale, Interpolation interpolation)
      : centre((output + 0.5) * scale), filter(std::max(scale, 1.0)) {
    const double support = (interpolation == Interpolation::bicubic ? 2.0 : 1.0) * filter;
    low = std::max(static_cast<int>(centre - support + 0.5), 0);
    high = std::min(static_cast<int>(centre + support + 0.5), in);
  }
  void weigh(Interpolation interpolation, std::vector<double>& weights) const {
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

void put_weights(const std::vector<double>& weights, int32_t* high, int32_t* low) {
  for (size_t j = 0; j < weights.size(); ++j) {
    const int32_t w = fixed_point(weights[j]);
    const int shift = j % 2 == 0 ? 0 : 16;
    const uint32_t part = static_cast<uint16_t>(w >> kLowBits);
    high[j / 2] |= static_cast<int32_t>(part << shift);
    low[j / 2] |= (w & ((1 << kLowBits) - 1)) << shift;
  }
}

Taps make_taps(int in, int out, Interpolation interpolation) {
  const double scale = static_cast<double>(in) / out;
  Taps taps;
  for (int o = 0; o < out; ++o) {
    const Window window(o, in, scale, interpolation);
    taps.first.push_back(window.low);
    taps.pairs = std::max(taps.pairs, (window.high - window.low + 1) / 2);
  }
  const auto pairs = static_cast<size_t>(taps.pairs);
  taps.high.resize(static_cast<size_t>(out) * pairs);
  taps.low.resize(taps.high.size());
  std::vector<double> weights;
  for (int o = 0; o < out; ++o) {
    Window(o, in, scale, interpolation).weigh(interpolation, weights);
    const size_t at = static_cast<size_t>(o) * pairs;
    put_weights(weights, taps.high.data() + at, taps.low.data() + at);
  }
  return taps;
}

// Outputs from right to left.
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

// Rows of the box at the new width, made two at a time as the vertical pass moves down; the last
// few are kept.
class WideRows {
 public:
  WideRows(const Image& image, const Box& box, int width, Interpolation kind, bool mirrored,
           int kept)
      : image_(image),
        box_(box),
        mirrored_(mirrored),
        bytes_(static_cast<size_t>(box.width) * 3),
        stride_(static_cast<size_t>(width) * 3 + kRowPadding),
        kept_(kept + 2),
        rows_(stride_ * static_cast<size_t>(kept_)) {
    if (width == box.width) return;
    taps_ = make_taps(box.width, width, kind);
    if (mirrored) mirror(taps_);
    for (auto& line : lines_)
      line.resize(bytes_ + static_cast<size_t>(taps_.pairs) * 6 + kRowPadding);
  }

  /// Rows from `first` on, which never falls; those below the box repeat its last one.
  void get(int first, int count, std::vector<const uint8_t*>& rows) {
    const int end = std::min(first + count, box_.height);
    for (made_ = std::max(made_, first - first % 2); made_ < end; made_ += 2) make(made_);
    rows.resize(static_cast<size_t>(count));
    for (int k = 0; k < count; ++k)
      rows[static_cast<size_t>(k)] = slot(std::min(first + k, end - 1));
  }

 private:
  uint8_t* slot(int y) { return rows_.data() + static_cast<size_t>(y % kept_) * stride_; }
  const uint8_t* source(int y) const {
    return image_.row(box_.top + std::min(y, box_.height - 1)) +
           static_cast<ptrdiff_t>(box_.left) * 3;
  }
  void make(int y) {
    uint8_t* const out[2] = {slot(y), slot(y + 1)};
    const uint8_t* const in[2] = {lines_[0].data(), lines_[1].data()};
    for (int i = 0; i < 2; ++i) {
      std::memcpy(taps_.pairs > 0 ? lines_[i].data() : out[i], source(y + i), bytes_);
      if (taps_.pairs == 0 && mirrored_) mirror_pixels(out[i], box_.width);
    }
    if (taps_.pairs > 0) resize_across(in, taps_, out);
  }

  const Image& image_;
  Box box_;
  bool mirrored_;
  size_t bytes_, stride_;
  int kept_, made_ = 0;
  std::vector<uint8_t> rows_;
  std::vector<uint8_t> lines_[2];  // the source with room behind it
  Taps taps_;
};

}  // namespace

void mirror_pixels(uint8_t* row, int width) {
  for (int a = 0, b = width - 1; a < b; ++a, --b)
    std::swap_ranges(row + 3 * a, row + 3 * a + 3, row + 3 * b);
}

void resize(const Image& image, const Box& box, int width, int height, Interpolation interpolation,
            bool mirrored, Image& out) {
  VIC_ASSERT(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
                 box.left + box.width <= image.width && box.top + box.height <= image.height &&
                 width > 0 && height > 0,
             "box ", box.left, ",", box.top, " ", box.width, "x", box.height, " of ", image.width,
             "x", image.height);
  const Taps taps = height == box.height ? Taps() : make_taps(box.height, height, interpolation);
  const int window = std::max(1, 2 * taps.pairs);
  WideRows wide(image, box, width, interpolation, mirrored, window);
  std::vector<const uint8_t*> rows;
  const auto bytes = static_cast<size_t>(width) * 3;
  out.reshape(width, height);
  for (int y = 0; y < height; ++y) {
    wide.get(taps.pairs > 0 ? taps.first[static_cast<size_t>(y)] : y, window, rows);
    if (taps.pairs > 0) {
      resize_down(rows.data(), taps, y, bytes, out.row(y));
    } else {
      std::memcpy(out.row(y), rows[0], bytes);
    }
  }
}

Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation) {
  Image out;
  resize(image, box, width, height, interpolation, false, out);
  return out;
}

}  // namespace vicinity
