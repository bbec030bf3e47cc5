// One HDF5 file for a whole data set: images as stored bytes in one contiguous blob per split, with
// offsets, labels, shapes, checksums, keys and class names.
#pragma once

#include <string>

#include "data/source/open.h"

namespace vicinity {

/// Writes PATH.part with a progress file beside it, then renames: PATH is whole or absent, and a
/// build that was killed goes on where it stopped. UsageError if PATH exists, unless `overwrite`.
/// IoError when the disk is full: the part is kept.
void write_pack(const DataSets& data, const std::string& path, bool overwrite);

}  // namespace vicinity
