#include "data/sampler.h"

#include <bit>

#include "core/base/error.h"
#include "core/base/random.h"

namespace vicinity {

int64_t shuffled_index(uint64_t seed, int64_t epoch, int64_t position, int64_t size) {
  VIC_ASSERT(0 <= position && position < size, position, " of ", size);
  const int bits = (std::bit_width(static_cast<uint64_t>(size - 1)) + 1) / 2;  // per half
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  Random keys(seed, Purpose::sample_order, static_cast<uint64_t>(epoch));
  const uint32_t k0 = keys.next(), k1 = keys.next();
  auto value = static_cast<uint64_t>(position);
  do {
    uint64_t left = value >> bits, right = value & mask;
    for (uint32_t round = 0; round < 4; ++round) {
      const auto block = philox4x32(
          {static_cast<uint32_t>(right), static_cast<uint32_t>(right >> 32), round, 0}, {k0, k1});
      const uint64_t mixed = block[0] | uint64_t{block[1]} << 32;
      const uint64_t next = left ^ (mixed & mask);
      left = right;
      right = next;
    }
    value = left << bits | right;
  } while (value >= static_cast<uint64_t>(size));
  return static_cast<int64_t>(value);
}

Draw draw_sample(uint64_t seed, int64_t epoch, int64_t position, int64_t size, int repeats) {
  const int64_t copy = position % repeats;
  return {shuffled_index(seed, epoch, position / repeats, size),
          static_cast<uint32_t>(epoch * repeats + copy)};
}

}  // namespace vicinity
