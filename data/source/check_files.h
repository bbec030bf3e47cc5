// Images that cannot be used, found before training.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/source/source.h"

namespace vicinity {

enum class FileCheck {
  none,    // the caller looks at every image itself
  ends,    // images whose two ends look whole are taken as good, the others are decoded: damage in
           // the middle is met when the image is loaded
  decode,  // every image is decoded, about 4,000 small JPEGs a second a core
};

struct BadImage {
  int64_t index;
  std::string reason;
};

/// In the order of the source, found by many threads.
std::vector<BadImage> find_bad_images(const Source& source, FileCheck check);

/// "3 of 17 files in 'WHERE' cannot be used:" (no place where `where` is empty) and the first ten
/// reasons, a line each.
std::string describe_bad_images(const std::vector<BadImage>& bad, int64_t all,
                                const std::string& where);

/// All images but these.
std::shared_ptr<Source> without(std::shared_ptr<Source> source, const std::vector<BadImage>& bad);

}  // namespace vicinity
