#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace vicinity {

/// An RGB picture, 8 bits a channel, rows from the top, pixels interleaved.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;

  Image() = default;
  Image(int w, int h)
      : width(w), height(h), rgb(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * 3) {}
  /// To this size, in the same memory where it is enough; contents undefined.
  void reshape(int w, int h) {
    width = w;
    height = h;
    rgb.resize(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * 3);
  }
  uint8_t* row(int y) {
    return rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
  const uint8_t* row(int y) const {
    return rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
};

/// Part of an image, in pixels.
struct Box {
  int left = 0, top = 0, width = 0, height = 0;
};

/// A chosen part of a picture: the pixels around it that were decoded, and where it lies in them.
struct Part {
  Image pixels;
  Box box;
};

/// Chooses a part of a picture of this width and height.
using ChooseBox = std::function<Box(int, int)>;

inline Box whole_box(int width, int height) { return {0, 0, width, height}; }

}  // namespace vicinity
