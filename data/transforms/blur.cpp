// Three box filters along each side. A box of fractional radius R = r + a weighs 2 r + 1 pixels
// with 1 / (2 R + 1) and the two beyond them with what is left, in 24-bit fixed point.
#include "data/transforms/blur.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#define HWY_TARGET_INCLUDE "data/transforms/blur.cpp"
#include "core/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace vicinity::kernels::HWY_NAMESPACE {

// out[i] = (inner * (rows 1 .. count - 2) + outer * (rows 0 and count - 1)) / 2^24 to nearest.
// Reads and writes up to a vector more than `bytes`.
void box_row(const uint8_t* const* rows, int count, uint32_t inner, uint32_t outer, size_t bytes,
             uint8_t* out) {
  using D = hn::ScalableTag<uint32_t>;
  using Bytes = hn::Rebind<uint8_t, D>;
  const auto load = [&](int row, size_t i) {
    return hn::PromoteTo(D(), hn::LoadU(Bytes(), rows[row] + i));
  };
  for (size_t i = 0; i < bytes; i += hn::MaxLanes(D())) {
    auto near = load(1, i);
    for (int k = 2; k < count - 1; ++k) near = hn::Add(near, load(k, i));
    const auto far = hn::Add(load(0, i), load(count - 1, i));
    const auto sum = hn::Add(hn::Mul(near, hn::Set(D(), inner)), hn::Mul(far, hn::Set(D(), outer)));
    const auto rounded = hn::ShiftRight<24>(hn::Add(sum, hn::Set(D(), 1u << 23)));
    hn::StoreU(hn::TruncateTo(Bytes(), rounded), Bytes(), out + i);
  }
}

}  // namespace vicinity::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vicinity {
namespace {

constexpr int kPasses = 3;
constexpr size_t kRoom = 64;  // bytes behind a row that are read or written, and do not matter

struct Box1d {
  int radius;
  uint32_t inner, outer;
};

// Singles as in Pillow: the weights are rounded from them.
Box1d box_of(float deviation) {
  const float variance = deviation * deviation / kPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * variance + 1.0));
  const auto whole = static_cast<float>(std::floor((length - 1.0) / 2.0));
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
  part /= 6 * (variance - (whole + 1) * (whole + 1));
  const float radius = whole + part;
  const int r = static_cast<int>(radius);
  const auto inner = static_cast<uint32_t>(static_cast<float>(1 << 24) / (radius * 2 + 1));
  return {r, inner, ((1u << 24) - static_cast<uint32_t>(2 * r + 1) * inner) / 2};
}

// Rows of a picture with room behind each.
struct Rows {
  size_t stride;
  std::vector<uint8_t> bytes;
  explicit Rows(const Image& image)
      : stride(static_cast<size_t>(image.width) * 3 + kRoom),
        bytes(stride * static_cast<size_t>(image.height)) {}
  uint8_t* operator[](int y) { return bytes.data() + static_cast<size_t>(y) * stride; }
};

// Fills the r + 1 pixels on each side of a row with its ends.
void repeat_ends(uint8_t* row, int width, int count) {
  for (int k = 1; k <= count; ++k) {
    std::memcpy(row - 3 * k, row, 3);
    std::memcpy(row + 3 * (width - 1 + k), row + 3 * (width - 1), 3);
  }
}

}  // namespace

void gaussian_blur(Image& image, double radius) {
  const Box1d box = box_of(static_cast<float>(radius));
  const int taps = 2 * box.radius + 3, beyond = box.radius + 1;
  const auto bytes = static_cast<size_t>(image.width) * 3;
  using namespace kernels;
  const auto best = VIC_SIMD(box_row);
  std::vector<const uint8_t*> in(static_cast<size_t>(taps));
  Rows now(image), next(image);
  std::vector<uint8_t> line(bytes + static_cast<size_t>(6 * beyond) + kRoom), other(line.size());
  for (int y = 0; y < image.height; ++y) {
    std::memcpy(line.data() + 3 * beyond, image.row(y), bytes);
    for (int pass = 0; pass < kPasses; ++pass) {
      repeat_ends(line.data() + 3 * beyond, image.width, beyond);
      for (int k = 0; k < taps; ++k) in[static_cast<size_t>(k)] = line.data() + 3 * k;
      best(in.data(), taps, box.inner, box.outer, bytes, other.data() + 3 * beyond);
      std::swap(line, other);
    }
    std::memcpy(now[y], line.data() + 3 * beyond, bytes);
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    for (int y = 0; y < image.height; ++y) {
      for (int k = 0; k < taps; ++k)
        in[static_cast<size_t>(k)] = now[std::clamp(y + k - beyond, 0, image.height - 1)];
      best(in.data(), taps, box.inner, box.outer, bytes, next[y]);
    }
    std::swap(now, next);
  }
  for (int y = 0; y < image.height; ++y) std::memcpy(image.row(y), now[y], bytes);
}

}  // namespace vicinity
#endif
