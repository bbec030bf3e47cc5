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

/// One PNG of thumbnails, eight in a row, each with its predicted name below (green: right, red:
/// wrong, then the true name in black beneath). Small pictures are enlarged by whole factors.
void write_sheet(const std::vector<SheetEntry>& entries, const std::string& path);

}  // namespace vicinity
