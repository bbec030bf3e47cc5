// Sizes that evaluation brings a picture to, from the texts of data.eval_resize and data.eval_crop.
#pragma once

#include <optional>
#include <string>

#include "data/image/image.h"

namespace vicinity {

struct TransformConfig;

struct Extent {
  int width = 0, height = 0;
  bool operator==(const Extent&) const = default;
};

/// "224x160": height x width; "256": one number, of the short side (resize) or of a square (crop).
/// Width 0 where there was one number; nothing for any other text.
std::optional<Extent> parse_extent(const std::string& text);
/// "256" or "224x160".
std::string extent_text(const Extent& extent);

/// The number or size of data.eval_resize, `auto` worked out; nothing for `none`.
std::optional<Extent> resize_wanted(const TransformConfig& config);
/// The size of data.eval_crop, `auto` worked out, both sides given; nothing for `none`.
std::optional<Extent> crop_wanted(const TransformConfig& config);

/// What a picture is resized to: the short side to one number, the long side truncated; or a fixed
/// size. DataError where the long side is more than can be counted.
Extent resized_extent(const Extent& picture, const TransformConfig& config);
/// The size that every picture ends with; nothing if they differ from each other.
std::optional<Extent> eval_extent(const TransformConfig& config);
/// As a sentence for people: "short side to 256, centre crop 224 x 224, bicubic".
std::string describe_eval(const TransformConfig& config);

}  // namespace vicinity
