#include "data/transforms/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/image/decode.h"
#include "data/transforms/pixel_ops.h"

namespace vicinity {
namespace {

// The window of a picture's resize that starts at (left, top) and may reach outside: zeros there.
Image window_of_resize(const Image& image, const Extent& resized, int left, int top,
                       const Extent& size, Interpolation kind) {
  const Box inside{std::max(left, 0), std::max(top, 0),
                   std::min(left + size.width, resized.width) - std::max(left, 0),
                   std::min(top + size.height, resized.height) - std::max(top, 0)};
  if (inside.width <= 0 || inside.height <= 0) return {size.width, size.height};
  Image part = resize_window(image, resized.width, resized.height, inside, kind);
  if (inside.width == size.width && inside.height == size.height) return part;
  Image out(size.width, size.height);
  for (int y = 0; y < inside.height; ++y) {
    std::memcpy(out.row(inside.top - top + y) + 3 * (inside.left - left), part.row(y),
                static_cast<size_t>(inside.width) * 3);
  }
  return out;
}

// Half of what is left over, rounded down, below zero too.
int centred(int whole, int part) { return (whole - part) >> 1; }

Image middle(const Image& image, const Extent& resized, const Extent& size, Interpolation kind) {
  return window_of_resize(image, resized, centred(resized.width, size.width),
                          centred(resized.height, size.height), size, kind);
}

const std::string& train_filter(const TransformConfig& c) {
  return c.train_interpolation == "auto" ? c.interpolation : c.train_interpolation;
}

// The filter of this picture's resize.
Interpolation draw_filter(const TransformConfig& c, Random& random) {
  const std::string& name = train_filter(c);
  if (name != "random") return interpolation_of(name);
  return random.chance(0.5) ? Interpolation::bicubic : Interpolation::bilinear;
}

// Pixels from outside a turned picture have the mean colour, as in timm.
AffineStyle affine_style(const TransformConfig& c) {
  AffineStyle style;
  if (train_filter(c) != "random") style.interpolation = interpolation_of(train_filter(c));
  for (size_t i = 0; i < 3; ++i) {
    const double level = std::nearbyint(c.mean[i % c.mean.size()] / c.rescale_factor);
    style.fill[i] = static_cast<uint8_t>(std::clamp(level, 0.0, 255.0));
  }
  return style;
}

// train_crop padded or none: evaluation's square, then with a zero border around it and moved.
Image square_crop(const Image& image, const TransformConfig& c, Random& random) {
  const Extent size{c.image_size, c.image_size};
  const Interpolation kind = draw_filter(c, random);
  const Image square = middle(image, resized_extent({image.width, image.height}, c), size, kind);
  if (c.train_crop != "padded") return square;
  const auto shift = [&] {
    return static_cast<int>(random.below(static_cast<uint64_t>(2 * c.crop_padding + 1))) -
           c.crop_padding;
  };
  const int left = shift(), top = shift();
  return window_of_resize(square, size, left, top, size, kind);
}

// Pillow turns pictures with three of its six filters only.
void check_turns(const TransformConfig& c, Problems& problems) {
  const std::string& name = train_filter(c);
  const bool turns =
      name == "random" || name == "nearest" || name == "bilinear" || name == "bicubic";
  if (turns || c.augment.augment == "none" || c.augment.augment == kManyViews) return;
  problems.add("train_interpolation", str("= ", name, ", but data.augment=", c.augment.augment,
                                          " turns pictures, which goes with nearest, bilinear, "
                                          "bicubic or random only"));
}

}  // namespace

std::vector<std::string> train_interpolation_names() {
  std::vector<std::string> names = {"auto", "random"};
  names.insert(names.end(), interpolation_names().begin(), interpolation_names().end());
  return names;
}

void TransformConfig::check(Problems& problems) const {
  const auto range = [&](const char* name, const std::vector<double>& r, double most) {
    const bool good = r.size() == 2 && r[0] > 0 && r[0] <= r[1] && r[1] <= most;
    if (!good) problems.add(name, str("needs two growing numbers above 0 and up to ", most));
  };
  range("crop_scale", crop_scale, 1);
  range("crop_ratio", crop_ratio, 100);
  const auto size = [&](const char* name, const std::string& text) {
    const bool good = text == "auto" || text == "none" || text == "0" || parse_extent(text);
    if (!good) problems.add(name, "needs auto, none, N or HxW (height x width)");
  };
  size("eval_resize", eval_resize);
  size("eval_crop", eval_crop);
  const auto channels = [&](const char* name, const std::vector<double>& values) {
    if (values.size() != 3 && values.size() != 1)
      problems.add(name, str("needs 3 numbers, or one for all channels, got ", values.size()));
  };
  augment.check(problems);
  check_turns(*this, problems);
  channels("mean", mean);
  channels("std", std);
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

void finish_train(Part& part, const TransformConfig& c, Random& random, Image& out) {
  if (c.channels() == 1) to_grey(part.pixels);
  if (c.train_crop == "random_resized") {
    const bool mirrored = random.chance(c.flip);
    resize(part.pixels, part.box, c.image_size, c.image_size, draw_filter(c, random), mirrored,
           out);
  } else {
    out = square_crop(part.pixels, c, random);
    if (random.chance(c.flip)) {
      for (int y = 0; y < out.height; ++y) mirror_pixels(out.row(y), out.width);
    }
  }
  augment(c.augment, affine_style(c), random, out);
}

std::string describe_train(const TransformConfig& c) {
  const std::string crop = c.train_crop == "none" ? "no" : c.train_crop;
  return str(crop, " crop, ", train_filter(c), ", flip ", format_number(c.flip), ", augmentation ",
             describe_augment(c.augment));
}

Image apply_train(const Image& image, const TransformConfig& c, Random random) {
  const Box box = train_box(image.width, image.height, c, random);
  Image out;
  Part part{image, box};
  finish_train(part, c, random, out);
  return out;
}

Image apply_eval(const Image& picture, const TransformConfig& c) {
  Image grey;
  if (c.channels() == 1) to_grey(grey = picture);
  const Image& image = c.channels() == 1 ? grey : picture;
  const Extent resized = resized_extent({image.width, image.height}, c);
  const Extent size = crop_wanted(c).value_or(resized);
  VIC_CHECK(DataError, int64_t{size.width} * size.height <= kMaxPixels, "a picture of ",
            image.width, " x ", image.height, " pixels would become ", size.width, " x ",
            size.height, "; data.eval_crop bounds it");
  return middle(image, resized, size, interpolation_of(c.interpolation));
}

void copy_pixels(const Image& image, int channels, uint8_t* to) {
  if (channels == 3) {
    std::memcpy(to, image.rgb.data(), image.rgb.size());
    return;
  }
  for (size_t i = 0; i < image.rgb.size(); i += 3) *to++ = image.rgb[i];
}

Normalization normalization_of(const TransformConfig& c) {
  const double unit = 255 * c.rescale_factor;
  Normalization n;
  for (const double mean : c.mean) n.mean.push_back(static_cast<float>(mean / unit));
  for (const double std : c.std) n.std.push_back(static_cast<float>(std / unit));
  return n;
}

}  // namespace vicinity
