// Images that look alike, by what is brighter than its neighbour.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "data/image/image.h"

namespace vicinity {

/// A difference hash (dHash) of 128 bits: the picture is reduced to 9 x 9 grey pixels; 64 bits say
/// of 8 rows whether each pixel is darker than the next one, 64 the same of 8 columns. Hardly
/// changes when a picture is scaled, encoded anew or made brighter.
struct LookHash {
  std::array<uint64_t, 2> bits{};  // of rows, of columns
  bool flat = false;               // hardly any contrast: the bits mean nothing

  friend bool operator==(const LookHash&, const LookHash&) = default;
};

LookHash look_hash(const Image& image);

inline int distance(const LookHash& a, const LookHash& b) {
  return std::popcount(a.bits[0] ^ b.bits[0]) + std::popcount(a.bits[1] ^ b.bits[1]);
}

/// Up to this distance two pictures look alike. Of two unrelated ones about 64 bits differ; the
/// hash is cut into 8 pieces of 16 bits, so two that differ in no more than 7 share one.
constexpr int kAlike = 7;

/// Groups of pictures that look alike, directly or by others between them: for each picture the
/// first of its group, itself where it is alone. Flat pictures are alone. Finds all pairs by a
/// table for each piece of the hash: about a second for a million pictures, 16 bytes each.
std::vector<int64_t> alike_groups(std::span<const LookHash> hashes);

}  // namespace vicinity
