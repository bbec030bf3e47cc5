// One HDF5 file for a whole data set. Per split, train and val, with n images:
//   images [bytes] u8     stored bytes in one contiguous blob; images may share a place in it
//   offsets [n] i64, sizes [n] u32, labels [n] i32, crc32 [n] u32
//   shapes [n, 3] i32     width, height, channels of raw pixels; absent if all images are encoded
//   keys [letters] u8, key_ends [n] i64
// and in vicinity_pack, as JSON: version, class names, fingerprints. Version 1 has n + 1 offsets,
// no sizes, and zero bytes between keys.
#pragma once

#include <string>

#include "data/source/open.h"

namespace vicinity {

/// Writes PATH.part with a progress file beside it, then renames: PATH is whole or absent, and a
/// build that was killed goes on where it stopped. Every image is read once, by many threads, and
/// must look whole (data/image/probe.h) or decode: DataError names those that do not. Images that
/// share their bytes (Source::storage) are stored once. UsageError if PATH exists, unless
/// `overwrite`. IoError when the disk is full: the part is kept.
void write_pack(const DataSets& data, const std::string& path, bool overwrite);

}  // namespace vicinity
