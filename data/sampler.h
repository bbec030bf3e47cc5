// The order of samples as a function: no list, no state, seekable.
#pragma once

#include <cstdint>

namespace vicinity {

/// Index of the sample at `position` of epoch `epoch`: a permutation of 0..size-1 for every (seed,
/// epoch), in O(1) time and memory. A four-round Feistel network over Philox on the next power of
/// four, walked until it lands inside (Black & Rogaway 2002, "Ciphers with arbitrary finite
/// domains", sec. 4).
int64_t shuffled_index(uint64_t seed, int64_t epoch, int64_t position, int64_t size);

/// A sample of an epoch and the number of its augmentation, which no other sample of the run
/// shares.
struct Draw {
  int64_t index = 0;
  uint32_t augmentation = 0;
};
/// What stands at `position` of epoch `epoch`: with `repeats` above 1 each picture so many times in
/// a row, so that an epoch of the same length meets size / repeats of them (repeated augmentation,
/// Hoffer et al. 2019, arXiv:1901.09335, in the order of timm's RepeatAugSampler over all ranks).
Draw draw_sample(uint64_t seed, int64_t epoch, int64_t position, int64_t size, int repeats);

}  // namespace vicinity
