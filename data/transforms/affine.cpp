#include "data/transforms/affine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>
#include <vector>

#include "core/base/error.h"

#define HWY_TARGET_INCLUDE "data/transforms/affine.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// The three channels of a pixel and one byte more.
using Pixel = hn::FixedTag<double, 4>;
using PixelVec = hn::Vec<Pixel>;

HWY_INLINE PixelVec load_pixel(const uint8_t* p) {
  const hn::FixedTag<int32_t, 4> ints;
  return hn::PromoteTo(Pixel(), hn::PromoteTo(ints, hn::LoadU(hn::FixedTag<uint8_t, 4>(), p)));
}

HWY_INLINE PixelVec mix_two(PixelVec a, PixelVec b, PixelVec t) {
  return hn::Add(a, hn::Mul(hn::Sub(b, a), t));
}

HWY_INLINE PixelVec mix_four(PixelVec a, PixelVec b, PixelVec c, PixelVec d, PixelVec t) {
  // Summed in Pillow's order, for its roundings.
  const auto twice = hn::Add(hn::Sub(a, b), hn::Sub(a, b));
  const auto slope = hn::Sub(c, a), bend = hn::Sub(hn::Add(twice, c), d),
             rest = hn::Add(hn::Sub(hn::Sub(b, a), c), d);
  return hn::Add(b, hn::Mul(t, hn::Add(slope, hn::Mul(t, hn::Add(bend, hn::Mul(t, rest))))));
}

// Without kAcross every x falls on the centre of a pixel.
template <bool kCubic, bool kAcross>
HWY_INLINE PixelVec mix_across(const uint8_t* p, PixelVec t) {
  if constexpr (!kAcross) return load_pixel(p);
  if constexpr (!kCubic) return mix_two(load_pixel(p), load_pixel(p + 3), t);
  return mix_four(load_pixel(p - 3), load_pixel(p), load_pixel(p + 3), load_pixel(p + 6), t);
}

template <bool kCubic, bool kAcross, bool kDown>
HWY_INLINE PixelVec mix_around(const uint8_t* p, int64_t stride, PixelVec tx, PixelVec ty) {
  const auto row = [&](int64_t k) { return mix_across<kCubic, kAcross>(p + k * stride, tx); };
  if constexpr (!kDown) return row(0);
  if constexpr (!kCubic) return mix_two(row(0), row(1), ty);
  return mix_four(row(-1), row(0), row(1), row(2), ty);
}

// One row of the output; `padded` is the input's first pixel, with two pixels more on every side.
template <bool kCubic, bool kAcross, bool kDown>
void affine_row(const uint8_t* padded, int64_t stride, int width, int height, const double* map,
                int y, uint8_t* out) {
  const double row = y + 0.5;
  for (int x = 0; x < width; ++x, out += 3) {
    const double column = x + 0.5;
    const double u = map[0] * column + map[1] * row + map[2];
    const double v = map[3] * column + map[4] * row + map[5];
    if (!(u >= 0 && u < width && v >= 0 && v < height)) continue;
    const double left = u - 0.5, top = v - 0.5;
    const int i = static_cast<int>(left) - (left < 0), j = static_cast<int>(top) - (top < 0);
    const uint8_t* p = padded + j * stride + int64_t{3} * i;
    const auto tx = hn::Set(Pixel(), left - i), ty = hn::Set(Pixel(), top - j);
    const auto mixed = mix_around<kCubic, kAcross, kDown>(p, stride, tx, ty);
    const auto whole = hn::DemoteTo(hn::FixedTag<int32_t, 4>(), mixed);
    uint8_t bytes[4];
    hn::StoreU(hn::DemoteTo(hn::FixedTag<uint8_t, 4>(), whole), hn::FixedTag<uint8_t, 4>(), bytes);
    std::memcpy(out, bytes, 3);
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity {
namespace {

constexpr int kBorder = 2;

using AffineRow = void (*)(const uint8_t*, int64_t, int, int, const double*, int, uint8_t*);

// A side along which every pixel falls on a pixel's centre needs no filter: its taps have weight 0.
AffineRow filter_of(const Affine& m, bool cubic) {
  using namespace kernels;
  const bool across = !(m.a == 1 && m.b == 0 && m.c == 0);
  const bool down = !(m.d == 0 && m.e == 1 && m.f == 0);
  if (cubic && !down) return VIC_SIMD(affine_row<true, true, false>);
  if (cubic && !across) return VIC_SIMD(affine_row<true, false, true>);
  if (cubic) return VIC_SIMD(affine_row<true, true, true>);
  if (!down) return VIC_SIMD(affine_row<false, true, false>);
  if (!across) return VIC_SIMD(affine_row<false, false, true>);
  return VIC_SIMD(affine_row<false, true, true>);
}

// The picture with its border repeated on each side, and a byte to read behind it.
std::vector<uint8_t> with_border(const Image& image, size_t stride) {
  const int height = image.height + 2 * kBorder;
  std::vector<uint8_t> padded(stride * static_cast<size_t>(height) + 1);
  const auto bytes = static_cast<size_t>(image.width) * 3;
  for (int y = 0; y < height; ++y) {
    const uint8_t* in = image.row(std::clamp(y - kBorder, 0, image.height - 1));
    uint8_t* out = padded.data() + static_cast<size_t>(y) * stride;
    for (int k = 0; k < kBorder; ++k) {
      std::memcpy(out + 3 * k, in, 3);
      std::memcpy(out + 3 * kBorder + bytes + 3 * static_cast<size_t>(k), in + bytes - 3, 3);
    }
    std::memcpy(out + 3 * kBorder, in, bytes);
  }
  return padded;
}

int64_t fixed_point(double v) { return static_cast<int64_t>(std::floor(v * 65536.0 + 0.5)); }

// Inputs of `nearest` along one side where the map is a shift and a scale; -1: outside.
std::vector<int> scaled_inputs(double scale, double shift, int count) {
  std::vector<int> inputs;
  double at = shift + scale * 0.5;
  for (int i = 0; i < count; ++i, at += scale)
    inputs.push_back(at >= 0 && at < count ? static_cast<int>(at) : -1);
  return inputs;
}

void nearest_scaled(const Image& in, const Affine& m, Image& out) {
  const std::vector<int> columns = scaled_inputs(m.a, m.c, in.width),
                         rows = scaled_inputs(m.e, m.f, in.height);
  for (int y = 0; y < in.height; ++y) {
    if (rows[static_cast<size_t>(y)] < 0) continue;
    const uint8_t* from = in.row(rows[static_cast<size_t>(y)]);
    for (int x = 0; x < in.width; ++x) {
      const int column = columns[static_cast<size_t>(x)];
      if (column >= 0) std::memcpy(out.row(y) + 3 * x, from + 3 * column, 3);
    }
  }
}

void nearest_turned(const Image& in, const Affine& m, Image& out) {
  const int64_t a = fixed_point(m.a), d = fixed_point(m.d);
  int64_t left = fixed_point(m.c + m.a * 0.5 + m.b * 0.5),
          top = fixed_point(m.f + m.d * 0.5 + m.e * 0.5);
  for (int y = 0; y < in.height; ++y, left += fixed_point(m.b), top += fixed_point(m.e)) {
    for (int x = 0; x < in.width; ++x) {
      const int64_t i = (left + x * a) >> 16, j = (top + x * d) >> 16;
      if (i < 0 || i >= in.width || j < 0 || j >= in.height) continue;
      std::memcpy(out.row(y) + 3 * x, in.row(static_cast<int>(j)) + 3 * i, 3);
    }
  }
}

}  // namespace

Affine rotation(int width, int height, double degrees) {
  const auto rounded = [](double v) { return std::nearbyint(v * 1e15) / 1e15; };
  double turned = std::fmod(degrees, 360.0);
  if (turned < 0) turned += 360.0;
  const double angle = -(turned * (std::numbers::pi / 180.0));
  const double cosine = rounded(std::cos(angle)), sine = rounded(std::sin(angle));
  const double x = width / 2.0, y = height / 2.0;
  return {cosine, sine,   (cosine * -x + sine * -y) + x,
          -sine,  cosine, (-sine * -x + cosine * -y) + y};
}

void transform_affine(Image& image, const Affine& m, Interpolation interpolation,
                      const Color& fill) {
  Image out(image.width, image.height);
  for (size_t i = 0; i < out.rgb.size(); i += 3) std::copy_n(fill.data(), 3, out.rgb.data() + i);
  if (interpolation == Interpolation::nearest) {
    m.b == 0 && m.d == 0 ? nearest_scaled(image, m, out) : nearest_turned(image, m, out);
  } else {
    const bool cubic = interpolation == Interpolation::bicubic;
    VIC_ASSERT(cubic || interpolation == Interpolation::bilinear, "filter ",
               static_cast<int>(interpolation));
    const AffineRow row = filter_of(m, cubic);
    const size_t stride = static_cast<size_t>(image.width + 2 * kBorder) * 3;
    const std::vector<uint8_t> padded = with_border(image, stride);
    const uint8_t* first = padded.data() + kBorder * stride + 3 * kBorder;
    const double map[] = {m.a, m.b, m.c, m.d, m.e, m.f};
    for (int y = 0; y < image.height; ++y)
      row(first, static_cast<int64_t>(stride), image.width, image.height, map, y, out.row(y));
  }
  image = std::move(out);
}

}  // namespace vicinity
#endif
