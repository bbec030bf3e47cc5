#include "data/transforms/point_ops.h"

#include <algorithm>

#include "core/base/error.h"

namespace vicinity {
namespace {

using Histogram = std::array<int64_t, 256>;

// Two counts of each channel, so that equal neighbours need not wait for each other.
std::array<Histogram, 3> histograms(const Image& image) {
  std::array<std::array<uint32_t, 256>, 6> counts{};
  const size_t pixels = image.rgb.size() / 3;
  const uint8_t* p = image.rgb.data();
  size_t i = 0;
  for (; i + 2 <= pixels; i += 2, p += 6) {
    for (size_t c = 0; c < 6; ++c) ++counts[c][p[c]];
  }
  for (size_t c = 0; i < pixels && c < 3; ++c) ++counts[c][p[c]];
  std::array<Histogram, 3> sums;
  for (size_t c = 0; c < 3; ++c) {
    for (size_t v = 0; v < 256; ++v) sums[c][v] = int64_t{counts[c][v]} + counts[c + 3][v];
  }
  return sums;
}

void apply_table(const ByteTable& table, Image& image) {
  for (uint8_t& v : image.rgb) v = table[v];
}

// Each channel by the table that `make` gives for its histogram.
template <class Make>
void remap_channels(Image& image, Make make) {
  const std::array<Histogram, 3> counts = histograms(image);
  const std::array<ByteTable, 3> tables = {make(counts[0]), make(counts[1]), make(counts[2])};
  for (uint8_t *p = image.rgb.data(), *end = p + image.rgb.size(); p != end; p += 3) {
    for (size_t c = 0; c < 3; ++c) p[c] = tables[c][p[c]];
  }
}

ByteTable identity() {
  ByteTable table;
  for (size_t v = 0; v < 256; ++v) table[v] = static_cast<uint8_t>(v);
  return table;
}

ByteTable stretched(const Histogram& counts) {
  int low = 0, high = 255;
  while (low < 255 && counts[static_cast<size_t>(low)] == 0) ++low;
  while (high > 0 && counts[static_cast<size_t>(high)] == 0) --high;
  if (high <= low) return identity();
  const double scale = 255.0 / (high - low), offset = -low * scale;
  ByteTable table;
  for (int v = 0; v < 256; ++v) {
    table[static_cast<size_t>(v)] =
        static_cast<uint8_t>(std::clamp(static_cast<int>(v * scale + offset), 0, 255));
  }
  return table;
}

ByteTable flattened(const Histogram& counts) {
  int64_t sum = 0, last = 0;
  int used = 0;
  for (const int64_t count : counts) {
    if (count == 0) continue;
    sum += count;
    last = count;
    ++used;
  }
  const int64_t step = used <= 1 ? 0 : (sum - last) / 255;
  if (step == 0) return identity();
  ByteTable table;
  int64_t below = step / 2;
  for (size_t v = 0; v < 256; ++v) {
    table[v] = static_cast<uint8_t>(std::min<int64_t>(below / step, 255));
    below += counts[v];
  }
  return table;
}

void blend_with(int grey, double factor, Image& image) {
  ByteTable table;
  for (int v = 0; v < 256; ++v)
    table[static_cast<size_t>(v)] = blend_byte(grey, v, static_cast<float>(factor));
  apply_table(table, image);
}

}  // namespace

uint8_t blend_byte(int a, int b, float factor) {
  const float mixed = static_cast<float>(a) + factor * static_cast<float>(b - a);
  return static_cast<uint8_t>(std::clamp(mixed, 0.0f, 255.0f));
}

void invert(Image& image) {
  for (uint8_t& v : image.rgb) v = static_cast<uint8_t>(255 - v);
}

void posterize(Image& image, int bits) {
  VIC_ASSERT(0 <= bits && bits <= 8, bits, " bits");
  const auto mask = static_cast<uint8_t>(0xFF00 >> bits);
  for (uint8_t& v : image.rgb) v &= mask;
}

void solarize(Image& image, int threshold) {
  if (threshold >= 256) return;
  const auto from = static_cast<uint8_t>(std::max(threshold, 0));
  for (uint8_t& v : image.rgb) v = v >= from ? static_cast<uint8_t>(255 - v) : v;
}

void solarize_add(Image& image, int add) {
  VIC_ASSERT(0 <= add && add <= 255, add, " is added");
  const auto most = static_cast<uint8_t>(255 - add);  // what may be added to without a cut
  for (uint8_t& v : image.rgb) {
    const uint8_t raised = static_cast<uint8_t>(std::min(v, most) + add);
    v = v < 128 ? raised : v;
  }
}

void autocontrast(Image& image) { remap_channels(image, stretched); }
void equalize(Image& image) { remap_channels(image, flattened); }
void adjust_brightness(Image& image, double factor) { blend_with(0, factor, image); }

void adjust_contrast(Image& image, double factor) {
  int64_t sum = 0;
  for (const uint8_t *p = image.rgb.data(), *end = p + image.rgb.size(); p != end; p += 3)
    sum += grey_of(p);
  const double mean = static_cast<double>(sum) / static_cast<double>(image.rgb.size() / 3);
  blend_with(static_cast<int>(mean + 0.5), factor, image);
}

}  // namespace vicinity
