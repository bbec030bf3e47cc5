#include "data/transforms/eval_shape.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/base/error.h"
#include "data/transforms/pipeline.h"

namespace vicinity {
namespace {

constexpr int kMaxSide = 1 << 20;

int parse_side(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && value <= kMaxSide;
  return good ? value : 0;
}

// "0" is what `auto` was called in earlier runs.
bool is_auto(const std::string& text) { return text == "auto" || text == "0"; }

}  // namespace

std::optional<Extent> parse_extent(const std::string& text) {
  const size_t cross = text.find('x');
  const std::string_view view = text;
  const int first = parse_side(view.substr(0, cross));
  const int second = cross == std::string::npos ? 0 : parse_side(view.substr(cross + 1));
  if (first <= 0 || (cross != std::string::npos && second <= 0)) return std::nullopt;
  return Extent{second, first};
}

std::string extent_text(const Extent& extent) {
  return extent.width == 0 ? str(extent.height) : str(extent.height, "x", extent.width);
}

std::optional<Extent> resize_wanted(const TransformConfig& c) {
  if (c.eval_resize == "none") return std::nullopt;
  if (!is_auto(c.eval_resize)) return parse_extent(c.eval_resize);
  const bool room = c.train_crop == "random_resized";
  return Extent{0,
                room ? static_cast<int>(std::lround(c.image_size * 256.0 / 224.0)) : c.image_size};
}

std::optional<Extent> crop_wanted(const TransformConfig& c) {
  if (c.eval_crop == "none") return std::nullopt;
  if (is_auto(c.eval_crop)) return Extent{c.image_size, c.image_size};
  std::optional<Extent> crop = parse_extent(c.eval_crop);
  if (crop && crop->width == 0) crop->width = crop->height;
  return crop;
}

Extent resized_extent(const Extent& picture, const TransformConfig& c) {
  const std::optional<Extent> wanted = resize_wanted(c);
  if (!wanted) return picture;
  if (wanted->width > 0) return *wanted;
  const auto [shorter, longer] = std::minmax(picture.width, picture.height);
  const double other = static_cast<double>(wanted->height) * longer / shorter;
  VIC_CHECK(DataError, other <= std::numeric_limits<int>::max(), "a picture of ", picture.width,
            " x ", picture.height, " pixels is too long to bring its short side to ",
            wanted->height);
  const int side = static_cast<int>(other);
  return picture.width <= picture.height ? Extent{wanted->height, side}
                                         : Extent{side, wanted->height};
}

std::optional<Extent> eval_extent(const TransformConfig& c) {
  if (c.eval_crop != "none") return crop_wanted(c);
  const std::optional<Extent> resize = resize_wanted(c);
  return resize && resize->width > 0 ? resize : std::nullopt;
}

std::string describe_eval(const TransformConfig& c) {
  const std::optional<Extent> resize = resize_wanted(c), crop = crop_wanted(c);
  std::string text = "not resized";
  if (resize && resize->width == 0) text = str("short side to ", resize->height);
  if (resize && resize->width > 0)
    text = str("resized to ", resize->height, " x ", resize->width, " (height x width)");
  if (crop) text += str(", centre crop ", crop->height, " x ", crop->width);
  return str(text, resize ? ", " + c.interpolation : "");
}

}  // namespace vicinity
