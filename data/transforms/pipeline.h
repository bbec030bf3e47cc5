// From a decoded picture to what a network sees. Pure functions of (picture, random
// stream).
#pragma once

#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/config/fields.h"
#include "data/image/resize.h"
#include "data/transforms/augment.h"
#include "data/transforms/eval_shape.h"

namespace vicinity {

/// auto, random and every filter.
std::vector<std::string> train_interpolation_names();

struct TransformConfig {
  int image_size = 224;
  std::string train_crop = "random_resized";
  std::vector<double> crop_scale = {0.08, 1.0};
  std::vector<double> crop_ratio = {0.75, 4.0 / 3.0};
  int crop_padding = 4;
  double flip = 0.5;
  std::string interpolation = "bicubic";
  std::string train_interpolation = "auto";
  std::string eval_resize = "auto";
  std::string eval_crop = "auto";
  std::vector<double> mean = {0.485, 0.456, 0.406};
  std::vector<double> std = {0.229, 0.224, 0.225};
  double rescale_factor = 1.0 / 255;
  bool scaled_decoding = false;
  AugmentConfig augment;

  template <class V>
  void fields(V& v) {
    v("image_size", image_size, "side of the square that the network sees, pixels", at_least(1));
    v("train_crop", train_crop,
      "random_resized: a random part, resized; padded: zero border, random position; none: as in "
      "evaluation",
      one_of({"random_resized", "padded", "none"}));
    v("crop_scale", crop_scale, "random_resized: range of the area, share of the picture");
    v("crop_ratio", crop_ratio, "random_resized: range of width / height");
    v("crop_padding", crop_padding, "padded: zero pixels on each side", at_least(0));
    v("flip", flip, "probability of a horizontal flip in training", between(0, 1));
    v("interpolation", interpolation, "filter of every resize, as Pillow's",
      one_of(interpolation_names()));
    v("train_interpolation", train_interpolation,
      "filter of training instead: auto: interpolation; random: bilinear or bicubic, drawn for "
      "each picture; or a filter",
      one_of(train_interpolation_names()));
    augment.fields(v);
    v("eval_resize", eval_resize,
      "before the centre crop: N, the short side; HxW, height and width; none; auto: image_size * "
      "256 / 224, or image_size with padded or no crop");
    v("eval_crop", eval_crop,
      "centre crop: N, a square; HxW, height and width; none; auto: image_size");
    v("mean", mean,
      "per channel, subtracted from pixels times rescale_factor; one number: of every channel");
    v("std", std, "per channel, what they are then divided by; one number: by it", greater_than(0));
    v("rescale_factor", rescale_factor, "pixels of 0 to 255 are multiplied by it", greater_than(0));
    v("scaled_decoding", scaled_decoding,
      "training decodes JPEGs at 1/2, 1/4 or 1/8 of their size where the crop allows: faster, with "
      "slightly other pixels. Evaluation never does");
  }
  void check(Problems& problems) const;

  /// 3: pictures are RGB. 1: they are made grey, as Pillow's convert("L") does, before anything
  /// else. The number of means, which fit_channels (train/run/setup.h) brings to the model's.
  int channels() const { return static_cast<int>(mean.size()); }
};

/// What training sees: crop, flip, then what data.augment and its like ask for. Always image_size x
/// image_size.
Image apply_train(const Image& image, const TransformConfig& config, Random random);
/// The same in two steps, so that the decoder need not give more than the box: the part of a
/// picture that the crop reads, then the rest with what is left of the random stream.
Box train_box(int width, int height, const TransformConfig& config, Random& random);
void finish_train(Part& part, const TransformConfig& config, Random& random, Image& out);
/// Training in a sentence for people: "random_resized crop, bicubic, flip 0.5, augmentation none".
std::string describe_train(const TransformConfig& config);
/// What evaluation sees: resized to eval_resize, then the centre crop, whose offset is rounded down
/// and whose part outside the picture is zero. Hugging Face's processors do the same.
Image apply_eval(const Image& image, const TransformConfig& config);
/// What both make of a picture as the network reads it: u8 [H, W, channels], `to` of so many bytes.
/// Of a grey picture one channel, the others being the same.
void copy_pixels(const Image& image, int channels, uint8_t* to);

/// What pixels become on their way into the network, y = (x / 255 - mean[c]) / std[c].
struct Normalization {
  std::vector<float> mean, std;
};
/// rescale_factor is folded into both.
Normalization normalization_of(const TransformConfig& config);

/// The box of torchvision's RandomResizedCrop: ten tries of area U(scale) and ratio log-uniform,
/// else the largest central box whose ratio is in range.
Box random_resized_box(int width, int height, const TransformConfig& config, Random& random);

}  // namespace vicinity
