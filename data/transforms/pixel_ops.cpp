#include "data/transforms/pixel_ops.h"

#include <algorithm>
#include <cmath>

#include "data/transforms/point_ops.h"

namespace vicinity {
namespace {

// Row y of the sharpened picture, but for its first and last pixel.
void sharpen_row(const Image& image, int y, float factor, uint8_t* out) {
  const uint8_t *a = image.row(y - 1), *b = image.row(y), *c = image.row(y + 1);
  for (int i = 3; i < 3 * (image.width - 1); ++i) {
    const int sum =
        a[i - 3] + a[i] + a[i + 3] + b[i - 3] + 5 * b[i] + b[i + 3] + c[i - 3] + c[i] + c[i + 3];
    const int smooth = ((sum + 6) * 5042) >> 16;  // (sum + 6) / 13, exactly
    const float mixed = static_cast<float>(smooth) + factor * static_cast<float>(b[i] - smooth);
    out[i] = static_cast<uint8_t>(std::clamp(mixed, 0.0f, 255.0f));
  }
}

struct Hsv {
  uint8_t hue, saturation, value;
};

// Singles and doubles as Pillow has them: where they round, levels change.
Hsv to_hsv(const uint8_t* p) {
  const uint8_t high = std::max({p[0], p[1], p[2]}), low = std::min({p[0], p[1], p[2]});
  if (high == low) return {0, 0, high};
  const auto range = static_cast<float>(high - low);
  const auto below = [&](int c) { return static_cast<float>(high - p[c]) / range; };
  float hue;
  if (p[0] == high) {
    hue = below(2) - below(1);
  } else if (p[1] == high) {
    hue = static_cast<float>(2.0 + below(0) - below(2));
  } else {
    hue = static_cast<float>(4.0 + below(1) - below(0));
  }
  const double turn = hue / 6.0 + 1.0;
  const auto part = static_cast<float>(turn >= 1.0 ? turn - 1.0 : turn);
  const float saturation = range / static_cast<float>(high);
  return {static_cast<uint8_t>(part * 255.0), static_cast<uint8_t>(saturation * 255.0), high};
}

void from_hsv(const Hsv& hsv, uint8_t* p) {
  const uint8_t v = hsv.value;
  if (hsv.saturation == 0) {
    p[0] = p[1] = p[2] = v;
    return;
  }
  const double sixths = hsv.hue * 6.0 / 255.0;
  const int sector = static_cast<int>(sixths);
  const auto rest = static_cast<float>(sixths - static_cast<float>(sector));
  const auto s = static_cast<float>(hsv.saturation / 255.0);
  const auto level = [v](double share) { return static_cast<uint8_t>(v * share + 0.5); };
  const uint8_t low = level(1.0 - s), falling = level(1.0 - s * rest),
                rising = level(1.0 - s * (1.0 - rest));
  const uint8_t table[6][3] = {{v, rising, low},  {falling, v, low}, {low, v, rising},
                               {low, falling, v}, {rising, low, v},  {v, low, falling}};
  std::copy_n(table[sector % 6], 3, p);
}

}  // namespace

void to_grey(Image& image) {
  for (uint8_t *p = image.rgb.data(), *end = p + image.rgb.size(); p != end; p += 3)
    p[0] = p[1] = p[2] = static_cast<uint8_t>(grey_of(p));
}

void adjust_saturation(Image& image, double factor) {
  const auto share = static_cast<float>(factor);
  for (uint8_t *p = image.rgb.data(), *end = p + image.rgb.size(); p != end; p += 3) {
    const int grey = grey_of(p);
    for (int c = 0; c < 3; ++c) p[c] = blend_byte(grey, p[c], share);
  }
}

void adjust_sharpness(Image& image, double factor) {
  if (image.width < 3 || image.height < 3) return;
  Image out = image;
  for (int y = 1; y < image.height - 1; ++y)
    sharpen_row(image, y, static_cast<float>(factor), out.row(y));
  image = std::move(out);
}

void adjust_hue(Image& image, double turns) {
  const auto shift = static_cast<uint8_t>(static_cast<int>(turns * 255));
  for (uint8_t *p = image.rgb.data(), *end = p + image.rgb.size(); p != end; p += 3) {
    Hsv hsv = to_hsv(p);
    hsv.hue = static_cast<uint8_t>(hsv.hue + shift);
    from_hsv(hsv, p);
  }
}

}  // namespace vicinity
