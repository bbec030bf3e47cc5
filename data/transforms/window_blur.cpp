#include "data/transforms/window_blur.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/error.h"

namespace vicinity {
namespace {

std::vector<float> weights_of(int side, double deviation) {
  std::vector<double> weights;
  double sum = 0;
  for (int x = -(side / 2); x <= side / 2; ++x) {
    weights.push_back(std::exp(-0.5 * (x / deviation) * (x / deviation)));
    sum += weights.back();
  }
  std::vector<float> normalised;
  for (const double weight : weights) normalised.push_back(static_cast<float>(weight / sum));
  return normalised;
}

int reflected(int at, int size) { return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at; }

// out = sum over k of weights[k] * rows[k], all of `width` numbers.
template <class T>
void weighted_sum(const std::vector<const T*>& rows, const std::vector<float>& weights,
                  size_t width, float* out) {
  std::fill_n(out, width, 0.0F);
  for (size_t k = 0; k < rows.size(); ++k) {
    const float weight = weights[k];
    const T* row = rows[k];
    for (size_t i = 0; i < width; ++i) out[i] += weight * static_cast<float>(row[i]);
  }
}

}  // namespace

void window_blur(Image& image, int side, double deviation) {
  const int reach = side / 2;
  VIC_CHECK(ShapeError, image.width > reach && image.height > reach, "a blur of ", side, " x ",
            side,
            " pixels reflects the border of a picture, which is too small for it: ", image.width,
            " x ", image.height);
  const std::vector<float> weights = weights_of(side, deviation);
  const auto bytes = static_cast<size_t>(image.width) * 3, edge = static_cast<size_t>(reach) * 3;
  const Image source = image;
  std::vector<float> line(bytes + 2 * edge), sum(bytes);
  std::vector<const uint8_t*> rows(weights.size());
  std::vector<const float*> places(weights.size());
  for (int y = 0; y < image.height; ++y) {
    for (int k = 0; k < side; ++k)
      rows[static_cast<size_t>(k)] = source.row(reflected(y + k - reach, image.height));
    weighted_sum(rows, weights, bytes, line.data() + edge);
    for (int x = -reach; x < 0; ++x) {  // both ends
      const int right = image.width - 1 - x;
      for (int c = 0; c < 3; ++c) {
        line[static_cast<size_t>(3 * (reach + x) + c)] =
            line[static_cast<size_t>(3 * (reach - x) + c)];
        line[static_cast<size_t>(3 * (reach + right) + c)] =
            line[static_cast<size_t>(3 * (reach + reflected(right, image.width)) + c)];
      }
    }
    for (size_t k = 0; k < places.size(); ++k) places[k] = line.data() + 3 * k;
    weighted_sum(places, weights, bytes, sum.data());
    for (size_t i = 0; i < bytes; ++i)
      image.row(y)[i] = static_cast<uint8_t>(std::lrint(std::min(sum[i], 255.0F)));
  }
}

}  // namespace vicinity
