#include "data/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr int kBits = 32 - 8 - 2;

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

// Which inputs each output reads, and with what weights; all rows padded to one length.
struct Taps {
  int count = 0;
  std::vector<int> first;
  std::vector<int32_t> weights;  // [outputs, count]
};

Taps make_taps(int in, int out, Interpolation interpolation) {
  const double scale = static_cast<double>(in) / out, filter = std::max(scale, 1.0);
  const double support = (interpolation == Interpolation::bicubic ? 2.0 : 1.0) * filter;
  Taps taps;
  taps.count = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.first.resize(static_cast<size_t>(out));
  taps.weights.assign(static_cast<size_t>(out) * static_cast<size_t>(taps.count), 0);
  std::vector<double> k(static_cast<size_t>(taps.count));
  for (int o = 0; o < out; ++o) {
    const double centre = (o + 0.5) * scale;
    const int low = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int high = std::min(static_cast<int>(centre + support + 0.5), in);
    double sum = 0;
    for (int j = low; j < high; ++j) {
      const double x = (j - centre + 0.5) * (1.0 / filter);
      k[static_cast<size_t>(j - low)] =
          interpolation == Interpolation::bicubic ? cubic(x) : triangle(x);
      sum += k[static_cast<size_t>(j - low)];
    }
    taps.first[static_cast<size_t>(o)] = low;
    for (int j = low; j < high; ++j) {
      const double w = (sum != 0 ? k[static_cast<size_t>(j - low)] / sum : 0) * (1 << kBits);
      taps.weights[static_cast<size_t>(o * taps.count + j - low)] =
          static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
    }
  }
  return taps;
}

uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kBits, 0, 255)); }

void resize_row(const uint8_t* in, int in_width, const Taps& taps, int out_width, uint8_t* out) {
  for (int x = 0; x < out_width; ++x) {
    const int first = taps.first[static_cast<size_t>(x)],
              count = std::min(taps.count, in_width - first);
    const int32_t* w =
        taps.weights.data() + static_cast<size_t>(x) * static_cast<size_t>(taps.count);
    int32_t r = 1 << (kBits - 1), g = r, b = r;
    const uint8_t* p = in + static_cast<ptrdiff_t>(first) * 3;
    for (int j = 0; j < count; ++j, p += 3) {
      r += w[j] * p[0];
      g += w[j] * p[1];
      b += w[j] * p[2];
    }
    out[3 * x] = rounded(r);
    out[3 * x + 1] = rounded(g);
    out[3 * x + 2] = rounded(b);
  }
}

Image resize_horizontally(const Image& image, const Box& box, int top, int rows, int width,
                          Interpolation kind) {
  Image out(width, rows);
  const Taps taps = make_taps(box.width, width, kind);
  for (int y = 0; y < rows; ++y) {
    resize_row(image.row(top + y) + static_cast<ptrdiff_t>(box.left) * 3, box.width, taps, width,
               out.row(y));
  }
  return out;
}

// A weighted sum of whole rows: long loops over bytes that vectorise.
Image resize_vertically(const Image& image, int height, const Taps& taps) {
  Image out(image.width, height);
  const int bytes = image.width * 3;
  std::vector<int32_t> sums(static_cast<size_t>(bytes));
  for (int y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (kBits - 1));
    const int first = taps.first[static_cast<size_t>(y)],
              count = std::min(taps.count, image.height - first);
    for (int j = 0; j < count; ++j) {
      const int32_t w = taps.weights[static_cast<size_t>(y * taps.count + j)];
      if (w == 0) continue;
      const uint8_t* row = image.row(first + j);
      for (int x = 0; x < bytes; ++x) sums[static_cast<size_t>(x)] += w * row[x];
    }
    uint8_t* to = out.row(y);
    for (int x = 0; x < bytes; ++x) to[x] = rounded(sums[static_cast<size_t>(x)]);
  }
  return out;
}

Image cut(const Image& image, const Box& box) {
  Image out(box.width, box.height);
  for (int y = 0; y < box.height; ++y) {
    std::memcpy(out.row(y), image.row(box.top + y) + static_cast<ptrdiff_t>(box.left) * 3,
                static_cast<size_t>(box.width) * 3);
  }
  return out;
}

}  // namespace

Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation) {
  VIC_ASSERT(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
                 box.left + box.width <= image.width && box.top + box.height <= image.height &&
                 width > 0 && height > 0,
             "box ", box.left, ",", box.top, " ", box.width, "x", box.height, " of ", image.width,
             "x", image.height);
  Image wide = width == box.width
                   ? cut(image, box)
                   : resize_horizontally(image, box, box.top, box.height, width, interpolation);
  if (height == box.height) return wide;
  return resize_vertically(wide, height, make_taps(box.height, height, interpolation));
}

}  // namespace vicinity
