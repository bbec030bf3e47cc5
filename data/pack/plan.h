#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/pack/hdf5_file.h"
#include "data/source/check_files.h"
#include "data/source/source.h"

namespace vicinity {

/// Where the images of one split will stand in a pack: known before any of them is read.
struct PackPlan {
  std::string split;
  const Source* source = nullptr;
  std::vector<int64_t> offsets;  // in the blob
  std::vector<uint32_t> sizes;
  std::vector<int32_t> labels;
  std::vector<int32_t> shapes;  // [n, 3]: width, height, channels of raw images; empty: none is
  std::string keys;             // one behind the other
  std::vector<int64_t> key_ends;
  std::vector<int64_t> owners;  // images whose bytes are stored; the others share those of one
  std::vector<int64_t> owner;   // of each image, its place in `owners`
  int64_t bytes = 0;            // of the blob
  std::string fingerprint;
};

/// Images that cannot be found are added to `bad`.
PackPlan plan_pack(const std::string& split, const Source& source, std::vector<BadImage>& bad);

/// Writes the tables, and makes room for checksums and images.
void write_tables(Hdf5File& file, const PackPlan& plan);

/// A text that is equal for equal plans.
std::string identity_of(const PackPlan& plan);

}  // namespace vicinity
