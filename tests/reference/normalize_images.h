#pragma once

#include <cmath>
#include <numbers>

#include "core/base/random.h"
#include "core/ops/normalize_images.h"

namespace vicinity::reference {

/// Whether an element lies in the box of top, left, bottom, right.
template <class Number>
bool inside(const Number* box, int64_t row, int64_t column) {
  const auto r = static_cast<double>(row), c = static_cast<double>(column);
  return r >= static_cast<double>(box[0]) && c >= static_cast<double>(box[1]) &&
         r < static_cast<double>(box[2]) && c < static_cast<double>(box[3]);
}

/// Number `index` of a stream of normals.
inline double normal_at(uint64_t seed, uint64_t stream, int64_t index) {
  const auto block = static_cast<uint32_t>(index / 4);
  const auto words =
      philox4x32({block, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32), 0},
                 philox_key(seed, Purpose::erasing));
  const size_t pair = index % 4 < 2 ? 0 : 2;
  const double u = (static_cast<double>(words[pair] >> 9) + 0.5) * 0x1p-23;
  const double angle = 2 * std::numbers::pi * static_cast<double>(words[pair + 1] >> 8) * 0x1p-24;
  return std::sqrt(-2 * std::log(u)) * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

struct ChangedImages {
  std::vector<int> bytes;      // after mixing
  std::vector<double> values;  // after normalisation and erasing
  std::vector<bool> noise;
};

/// Element by element; a product of float and byte is exact in double, so each rounds once.
inline ChangedImages change_images(const Tensor& x, const std::vector<float>& mean,
                                   const std::vector<float>& std, const ImageChanges& changes) {
  const int64_t images = x.dim(0), height = x.dim(1), width = x.dim(2), channels = x.dim(3);
  const std::vector<uint8_t> in = values_of<uint8_t>(x);
  const float identity[6] = {1, 0, 0, 0, 0, 0};
  const float* mix = changes.mix.defined() ? changes.mix.data<float>() : identity;
  const auto product = [](float share, int byte) {
    return static_cast<double>(static_cast<float>(static_cast<double>(share) * byte));
  };
  ChangedImages out;
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t c = i % channels, column = i / channels % width,
                  row = i / channels / width % height, image = i / (channels * width * height);
    const int64_t element = i % (channels * width * height);
    const int own = in[static_cast<size_t>(i)];
    const int other =
        in[static_cast<size_t>((images - 1 - image) * channels * width * height + element)];
    const auto sum = static_cast<float>(product(mix[0], own) + product(mix[1], other));
    out.bytes.push_back(inside(mix + 2, row, column) ? other
                                                     : static_cast<int>(std::nearbyint(sum)));
    const float scaled = static_cast<float>(out.bytes.back()) / 255.0f;
    const auto at = static_cast<size_t>(c);
    out.values.push_back(static_cast<double>((scaled - mean[at]) / std[at]));
    out.noise.push_back(false);
    if (!changes.erase.defined()) continue;
    const int32_t* erase = changes.erase.data<int32_t>() + 6 * image;
    if (!inside(erase, row, column)) continue;
    const uint64_t stream =
        uint64_t{static_cast<uint32_t>(erase[5])} << 32 | static_cast<uint32_t>(erase[4]);
    out.noise.back() = true;
    out.values.back() = normal_at(changes.seed, stream, element);
  }
  return out;
}

}  // namespace vicinity::reference
