// Everything that may be wrong with a data set, found before training.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "data/source/check_files.h"
#include "data/source/open.h"

namespace vicinity {

/// Least, middle and greatest of something.
struct Range {
  int64_t least = 0, median = 0, most = 0;
};

struct SplitFacts {
  int64_t images = 0;
  std::vector<BadImage> bad;         // do not decode
  std::vector<int64_t> tiny;         // shorter side below the asked one
  std::array<int64_t, 4> formats{};  // JPEG, PNG, WebP, raw pixels
  int64_t grey = 0, alpha = 0, cmyk = 0, wide = 0;
  int64_t turned = 0;  // EXIF orientation that is not upright
  int64_t flat = 0;    // hardly any contrast
  Range width, height, bytes;
  std::vector<int64_t> per_class;
};

/// Two images of which the second repeats the first.
struct Repeat {
  bool first_in_val = false, second_in_val = false;
  int64_t first = 0, second = 0;  // in their splits
  bool same_bytes = false;        // else they look alike (look_hash.h)
  int distance = 0;               // bits of the hash that differ
};

struct DataReport {
  SplitFacts train, val;
  std::vector<Repeat> within_train, within_val;  // each image once, with the first of its group
  std::vector<Repeat> leaks;        // validation images with a training image that they repeat
  std::vector<Repeat> two_classes;  // of all repeats, those whose two images have different classes
};

/// Decodes every image by all cores; 64 bytes of memory an image. `tiny_side`: a shorter side below
/// it is tiny. `progress` is told how many of all images are done, by one thread at a time.
DataReport check_data(const DataSets& data, int tiny_side,
                      const std::function<void(int64_t)>& progress);

}  // namespace vicinity
