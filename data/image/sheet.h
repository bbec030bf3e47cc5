#pragma once

#include <string>
#include <vector>

#include "data/image/image.h"

namespace vicinity {

struct SheetEntry {
  Image image;
  std::string truth;  // empty: unknown
  std::string guess;
};

/// The longer side of a picture on a sheet of so many: 448 pixels if it is the only one, else 112.
int tile_side(size_t entries);
/// The picture as it stands on a sheet: reduced, or enlarged by a whole factor.
Image thumbnail(const Image& image, int side);
/// One PNG of thumbnails, eight in a row, each with its predicted name below (green: right, red:
/// wrong, then the true name in black beneath).
void write_sheet(const std::vector<SheetEntry>& entries, const std::string& path);

}  // namespace vicinity
