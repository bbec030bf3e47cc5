#include "data/image/resize.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/image/resize_taps.h"

namespace vicinity {
namespace {

// Rows of the box at the new width, made two at a time as the vertical pass moves down; the last
// few are kept.
class WideRows {
 public:
  WideRows(const Image& image, const Box& box, const Axis& across, Interpolation kind,
           bool mirrored, int kept)
      : image_(image),
        box_(box),
        mirrored_(mirrored),
        stride_(static_cast<size_t>(across.count) * 3 + kRowPadding),
        kept_(kept + 2),
        rows_(stride_ * static_cast<size_t>(kept_)) {
    if (across.in == across.out) {
      box_.left += across.first;
      box_.width = across.count;
    } else {
      taps_ = make_taps(across, kind);
      if (mirrored) mirror(taps_);
    }
    bytes_ = static_cast<size_t>(box_.width) * 3;
    if (taps_.pairs == 0) return;
    for (auto& line : lines_)
      line.resize(bytes_ + static_cast<size_t>(taps_.pairs) * 6 + kRowPadding);
  }

  /// Rows from `first` on, which never falls; those below the box repeat its last one.
  void get(int first, int count, std::vector<const uint8_t*>& rows) {
    const int end = std::min(first + count, box_.height);
    for (made_ = std::max(made_, first - first % 2); made_ < end; made_ += 2) make(made_);
    rows.resize(static_cast<size_t>(count));
    for (int k = 0; k < count; ++k)
      rows[static_cast<size_t>(k)] = slot(std::min(first + k, end - 1));
  }

 private:
  uint8_t* slot(int y) { return rows_.data() + static_cast<size_t>(y % kept_) * stride_; }
  const uint8_t* source(int y) const {
    return image_.row(box_.top + std::min(y, box_.height - 1)) +
           static_cast<ptrdiff_t>(box_.left) * 3;
  }
  void make(int y) {
    uint8_t* const out[2] = {slot(y), slot(y + 1)};
    const uint8_t* const in[2] = {lines_[0].data(), lines_[1].data()};
    for (int i = 0; i < 2; ++i) {
      std::memcpy(taps_.pairs > 0 ? lines_[i].data() : out[i], source(y + i), bytes_);
      if (taps_.pairs == 0 && mirrored_) mirror_pixels(out[i], box_.width);
    }
    if (taps_.pairs > 0) resize_across(in, taps_, out);
  }

  const Image& image_;
  Box box_;
  bool mirrored_;
  size_t bytes_ = 0, stride_;
  int kept_, made_ = 0;
  std::vector<uint8_t> rows_;
  std::vector<uint8_t> lines_[2];  // the source with room behind it
  Taps taps_;
};

void resize_nearest(const Image& image, const Box& box, const Axis& across, const Axis& down,
                    bool mirrored, Image& out) {
  std::vector<int> columns = nearest_inputs(across);
  const std::vector<int> rows = nearest_inputs(down);
  if (mirrored) std::reverse(columns.begin(), columns.end());
  for (int y = 0; y < out.height; ++y) {
    const uint8_t* in = image.row(box.top + rows[static_cast<size_t>(y)]) + 3 * box.left;
    uint8_t* to = out.row(y);
    for (const int column : columns) to = std::copy_n(in + 3 * column, 3, to);
  }
}

void resize_filtered(const Image& image, const Box& box, const Axis& across, const Axis& down,
                     Interpolation interpolation, bool mirrored, Image& out) {
  const Taps taps = down.in == down.out ? Taps() : make_taps(down, interpolation);
  const int window = std::max(1, 2 * taps.pairs);
  WideRows wide(image, box, across, interpolation, mirrored, window);
  std::vector<const uint8_t*> rows;
  const auto bytes = static_cast<size_t>(out.width) * 3;
  for (int y = 0; y < out.height; ++y) {
    wide.get(taps.pairs > 0 ? taps.first[static_cast<size_t>(y)] : down.first + y, window, rows);
    if (taps.pairs > 0) {
      resize_down(rows.data(), taps, y, bytes, out.row(y));
    } else {
      std::memcpy(out.row(y), rows[0], bytes);
    }
  }
}

bool inside(const Box& box, int width, int height) {
  return box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
         box.left + box.width <= width && box.top + box.height <= height;
}

void resize_along(const Image& image, const Box& box, const Axis& across, const Axis& down,
                  Interpolation interpolation, bool mirrored, Image& out) {
  VIC_ASSERT(inside(box, image.width, image.height), "box ", box.left, ",", box.top, " ", box.width,
             "x", box.height, " of ", image.width, "x", image.height);
  out.reshape(across.count, down.count);
  if (interpolation == Interpolation::nearest) {
    resize_nearest(image, box, across, down, mirrored, out);
  } else {
    resize_filtered(image, box, across, down, interpolation, mirrored, out);
  }
}

}  // namespace

const std::vector<std::string>& interpolation_names() {
  static const std::vector<std::string> names = {"nearest", "lanczos", "bilinear",
                                                 "bicubic", "box",     "hamming"};
  return names;
}

Interpolation interpolation_of(const std::string& name) {
  const auto& names = interpolation_names();
  const auto at = std::find(names.begin(), names.end(), name);
  VIC_CHECK(ConfigError, at != names.end(), "no interpolation '", name, "'; there are ",
            join(names, ", "));
  return static_cast<Interpolation>(at - names.begin());
}

void mirror_pixels(uint8_t* row, int width) {
  for (int a = 0, b = width - 1; a < b; ++a, --b)
    std::swap_ranges(row + 3 * a, row + 3 * a + 3, row + 3 * b);
}

void resize(const Image& image, const Box& box, int width, int height, Interpolation interpolation,
            bool mirrored, Image& out) {
  resize_along(image, box, {box.width, width, 0, width}, {box.height, height, 0, height},
               interpolation, mirrored, out);
}

Image resize(const Image& image, const Box& box, int width, int height,
             Interpolation interpolation) {
  Image out;
  resize(image, box, width, height, interpolation, false, out);
  return out;
}

Image resize_window(const Image& image, int width, int height, const Box& window,
                    Interpolation interpolation) {
  VIC_ASSERT(inside(window, width, height), "window of ", width, "x", height);
  Image out;
  resize_along(image, whole_box(image.width, image.height),
               {image.width, width, window.left, window.width},
               {image.height, height, window.top, window.height}, interpolation, false, out);
  return out;
}

}  // namespace vicinity
