// The pictures of tests/fixtures/make_augment.py, by formula.
#pragma once

#include <string>

#include "data/image/image.h"

namespace vicinity::testing {

inline int fixture_value(const std::string& kind, int x, int y, int c) {
  if (kind == "waves") return 37 * x + 91 * y + 53 * c + x * y;
  if (kind == "greyish") return 100 + (3 * x + 5 * y) % 23 + (x + y + c) % 2;
  if (kind == "flat") return 77 + 40 * c;
  return (7 * x + 3 * y + 5 * c) % 3 == 0 ? 255 : (x + c) % 5 == 0 ? 128 : 0;  // "saturated"
}

inline Image fixture_picture(const std::string& kind, int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < 3 * width; ++i)
      image.row(y)[i] = static_cast<uint8_t>(fixture_value(kind, i / 3, y, i % 3));
  }
  return image;
}

}  // namespace vicinity::testing
