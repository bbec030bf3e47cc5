// What becomes of single elements of an image that is mixed with its partner and erased
// (core/ops/normalize_images.h).
#pragma once

#include "core/cuda/pack.cuh"
#include "core/cuda/philox.cuh"

namespace vicinity::kernels {

inline constexpr int kByteValues = 256;

struct ImageShape {
  int64_t images;
  int size, row, channels;  // elements of an image and of a row; of a pixel
};

/// Where an element lies in its image.
struct Place {
  int row, offset, channel;

  DEV_FN Place(int element, const ImageShape& shape)
      : row(element / shape.row),
        offset(element - row * shape.row),
        channel(offset % shape.channels) {}
  DEV_FN void advance(const ImageShape& shape) {
    channel = channel + 1 < shape.channels ? channel + 1 : 0;
    if (++offset == shape.row) {
      offset = 0;
      ++row;
    }
  }
};

/// Rows top .. bottom - 1, and elements left .. right - 1 of each.
struct ElementBox {
  int top = 0, left = 0, bottom = 0, right = 0;

  ElementBox() = default;
  template <class Number>
  DEV_FN ElementBox(const Number* pixels, int channels)
      : top(static_cast<int>(pixels[0])),
        left(static_cast<int>(pixels[1]) * channels),
        bottom(static_cast<int>(pixels[2])),
        right(static_cast<int>(pixels[3]) * channels) {}
  DEV_FN bool holds(const Place& at) const {
    return at.row >= top && at.row < bottom && at.offset >= left && at.offset < right;
  }
};

struct Mix {
  float own = 1, partner = 0;
  ElementBox box;

  DEV_FN Mix(const float* numbers, int channels) {
    if (numbers == nullptr) return;
    own = numbers[0];
    partner = numbers[1];
    box = ElementBox(numbers + 2, channels);
  }
  DEV_FN int byte(int x, int other, const Place& at) const {
    if (box.holds(at)) return other;
    const float sum = dev::multiply(own, static_cast<float>(x)) +
                      dev::multiply(partner, static_cast<float>(other));
    // 1.5 * 2^23 rounds to a whole number, which the lowest bits then are.
    return static_cast<int>(dev::as_bits(sum + 12582912.0f) & 0xffu);
  }
};

/// The box of an image that becomes noise.
struct Erase {
  ElementBox box;
  uint32_t stream[2] = {};
  dev::PhiloxKey key;

  DEV_FN Erase(const int32_t* numbers, int64_t image, int channels, const dev::PhiloxKey& k)
      : key(k) {
    if (numbers == nullptr) return;
    box = ElementBox(numbers + 6 * image, channels);
    stream[0] = static_cast<uint32_t>(numbers[6 * image + 4]);
    stream[1] = static_cast<uint32_t>(numbers[6 * image + 5]);
  }
  /// The block of random words that element `element` has its normal from.
  DEV_FN dev::PhiloxBlock words(int element) const {
    return dev::philox({{static_cast<uint32_t>(element / 4), stream[0], stream[1], 0}}, key);
  }
};

/// Noise where `inside` has a bit, for n elements from `element` on: 8, which begin a block of
/// normals, or 1.
template <class T, int n>
DEV_FN void add_noise(const Erase& erase, int element, unsigned inside, dev::Pack<T, n>& out) {
  if constexpr (n == 1) {
    const dev::PhiloxBlock w = erase.words(element);
    const bool second = (element & 2) != 0, odd = (element & 1) != 0;
    const dev::NormalPair pair =
        dev::normals(second ? w.at[2] : w.at[0], second ? w.at[3] : w.at[1]);
    out.at[0] = dev::from_float<T>(odd ? pair.at[1] : pair.at[0]);
  } else {
    DEV_UNROLL
    for (int k = 0; k < n; k += 4) {
      const dev::PhiloxBlock w = erase.words(element + k);
      DEV_UNROLL
      for (int j = 0; j < 4; j += 2) {
        const dev::NormalPair pair = dev::normals(w.at[j], w.at[j + 1]);
        if ((inside >> (k + j) & 1) != 0) out.at[k + j] = dev::from_float<T>(pair.at[0]);
        if ((inside >> (k + j + 1) & 1) != 0) out.at[k + j + 1] = dev::from_float<T>(pair.at[1]);
      }
    }
  }
}

/// What n elements of an image become whose bytes are `bytes`, and `other` in its partner.
/// table[256 c + v]: byte v of channel c, normalised.
template <class T, int n>
DEV_FN dev::Pack<T, n> changed(const dev::Pack<uint8_t, n>& bytes,
                               const dev::Pack<uint8_t, n>& other, int element,
                               const ImageShape& shape, const Mix& mix, const Erase& erase,
                               const T* table) {
  Place at(element, shape);
  dev::Pack<T, n> out;
  unsigned inside = 0;
  DEV_UNROLL
  for (int k = 0; k < n; ++k) {
    out.at[k] = table[at.channel * kByteValues + mix.byte(bytes.at[k], other.at[k], at)];
    if (erase.box.holds(at)) inside |= 1u << k;
    at.advance(shape);
  }
  if (inside != 0) add_noise(erase, element, inside, out);
  return out;
}

}  // namespace vicinity::kernels
