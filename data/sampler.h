// The order of samples as a function: no list, no state, seekable.
#pragma once

#include <cstdint>

namespace vicinity {

/// Index of the sample at `position` of epoch `epoch`: a permutation of 0..size-1 for every (seed,
/// epoch), in O(1) time and memory. A four-round Feistel network over Philox on the next power of
/// four, walked until it lands inside (Black & Rogaway 2002, "Ciphers with arbitrary finite
/// domains", sec. 4).
int64_t shuffled_index(uint64_t seed, int64_t epoch, int64_t position, int64_t size);

}  // namespace vicinity
