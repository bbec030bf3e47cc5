// Folders of small PNGs whose class is written in their pixels: learnable in seconds.
#pragma once

#include <filesystem>

#include "core/base/files.h"
#include "core/base/random.h"
#include "data/image/png_writer.h"

namespace vicinity::testing {

/// A noisy picture of class `label`: stripes whose direction and width differ by class.
inline Image striped_image(int label, uint64_t number, int side) {
  Image image(side, side);
  Random random(number, Purpose::test, static_cast<uint64_t>(label));
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int along = label % 2 == 0 ? x : y;
      const bool bright = along / (2 + label) % 2 == 0;
      for (int c = 0; c < 3; ++c) {
        image.row(y)[3 * x + c] =
            static_cast<uint8_t>((bright ? 150 : 50) + static_cast<int>(random.below(50)));
      }
    }
  }
  return image;
}

/// ROOT/class_0/0.png, ...
inline void write_class_folders(const std::string& root, int classes, int per_class, int side) {
  for (int label = 0; label < classes; ++label) {
    const std::string folder = root + "/class_" + std::to_string(label);
    std::filesystem::create_directories(folder);
    for (int i = 0; i < per_class; ++i) {
      write_png(striped_image(label, static_cast<uint64_t>(i), side),
                folder + "/" + std::to_string(i) + ".png");
    }
  }
}

}  // namespace vicinity::testing
