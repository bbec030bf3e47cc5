#include "data/transforms/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/error.h"

namespace vicinity {
namespace {

Interpolation kind_of(const TransformConfig& c) {
  return c.interpolation == "bilinear" ? Interpolation::bilinear : Interpolation::bicubic;
}

Box whole(const Image& image) { return {0, 0, image.width, image.height}; }

Image resize_short_side(const Image& image, int size, Interpolation kind) {
  const int shorter = std::min(image.width, image.height),
            longer = std::max(image.width, image.height);
  if (shorter == size) return image;
  const int other = static_cast<int>(static_cast<double>(size) * longer / shorter);
  return image.width <= image.height ? resize(image, whole(image), size, other, kind)
                                     : resize(image, whole(image), other, size, kind);
}

// The window of `size` that starts at (left, top), which may reach outside: zeros there.
Image window(const Image& image, int left, int top, int size) {
  Image out(size, size);
  const int from = std::max(left, 0), to = std::min(left + size, image.width);
  for (int y = std::max(top, 0); y < std::min(top + size, image.height) && from < to; ++y) {
    std::memcpy(out.row(y - top) + 3 * (from - left), image.row(y) + 3 * from,
                static_cast<size_t>(to - from) * 3);
  }
  return out;
}

int eval_side(const TransformConfig& c) {
  if (c.eval_resize > 0) return c.eval_resize;
  return c.train_crop == "random_resized"
             ? static_cast<int>(std::lround(c.image_size * 256.0 / 224.0))
             : c.image_size;
}

Image padded_crop(const Image& image, const TransformConfig& c, Random& random) {
  const Image base = apply_eval(image, c);
  const auto shift = [&] {
    return static_cast<int>(random.below(static_cast<uint64_t>(2 * c.crop_padding + 1))) -
           c.crop_padding;
  };
  const int left = shift(), top = shift();
  return window(base, left, top, c.image_size);
}

}  // namespace

void TransformConfig::check(Problems& problems) const {
  const auto range = [&](const char* name, const std::vector<double>& r, double most) {
    const bool good = r.size() == 2 && r[0] > 0 && r[0] <= r[1] && r[1] <= most;
    if (!good) problems.add(name, str("needs two growing numbers above 0 and up to ", most));
  };
  range("crop_scale", crop_scale, 1);
  range("crop_ratio", crop_ratio, 100);
}

Box random_resized_box(int width, int height, const TransformConfig& c, Random& random) {
  const double area = static_cast<double>(width) * height;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * random.uniform(c.crop_scale[0], c.crop_scale[1]);
    const double ratio =
        std::exp(random.uniform(std::log(c.crop_ratio[0]), std::log(c.crop_ratio[1])));
    const int w = static_cast<int>(std::nearbyint(std::sqrt(target * ratio)));
    const int h = static_cast<int>(std::nearbyint(std::sqrt(target / ratio)));
    if (w <= 0 || h <= 0 || w > width || h > height) continue;
    const int top = static_cast<int>(random.below(static_cast<uint64_t>(height - h + 1)));
    const int left = static_cast<int>(random.below(static_cast<uint64_t>(width - w + 1)));
    return {left, top, w, h};
  }
  const double ratio = static_cast<double>(width) / height;
  int w = width, h = height;
  if (ratio < c.crop_ratio[0]) h = static_cast<int>(std::nearbyint(width / c.crop_ratio[0]));
  if (ratio > c.crop_ratio[1]) w = static_cast<int>(std::nearbyint(height * c.crop_ratio[1]));
  w = std::clamp(w, 1, width);
  h = std::clamp(h, 1, height);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

Box train_box(int width, int height, const TransformConfig& c, Random& random) {
  if (c.train_crop == "random_resized") return random_resized_box(width, height, c, random);
  return {0, 0, width, height};
}

void finish_train(const Part& part, const TransformConfig& c, Random& random, Image& out) {
  if (c.train_crop == "random_resized") {
    const bool mirrored = random.chance(c.flip);
    resize(part.pixels, part.box, c.image_size, c.image_size, kind_of(c), mirrored, out);
    return;
  }
  out = c.train_crop == "padded" ? padded_crop(part.pixels, c, random) : apply_eval(part.pixels, c);
  if (!random.chance(c.flip)) return;
  for (int y = 0; y < out.height; ++y) mirror_pixels(out.row(y), out.width);
}

Image apply_train(const Image& image, const TransformConfig& c, Random random) {
  const Box box = train_box(image.width, image.height, c, random);
  Image out;
  finish_train({image, box}, c, random, out);
  return out;
}

Image apply_eval(const Image& image, const TransformConfig& c) {
  if (image.width == c.image_size && image.height == c.image_size) return image;
  const Image resized = resize_short_side(image, eval_side(c), kind_of(c));
  const auto offset = [&](int size) {
    const int room = size - c.image_size;
    return room >= 0 ? room / 2 : -((-room) / 2);
  };
  return window(resized, offset(resized.width), offset(resized.height), c.image_size);
}

}  // namespace vicinity
