// Philox and Box-Muller over many blocks at once, in loops that the compiler vectorises. 1.5 to 2
// ns a normal.
#pragma once

#include "core/ops/random_fill.h"

namespace vicinity::kernels {

inline constexpr int64_t kLanes = 64;          // Philox blocks at a time
inline constexpr int64_t kDraws = 4 * kLanes;  // numbers of these

struct Draws {
  uint32_t word[4][kLanes];  // word w of block k
};
/// Number i of a stretch is [i % 4][i / 4].
using LaneValues = float[4][kLanes];

/// Blocks first .. first + kLanes of a stream: philox4x32 of core/base/random.h at the counters
/// that core/ops/random_fill.h names.
void draw_lanes(const RandomStream& stream, uint64_t first, Draws& draws);
/// Standard normals of them, as normal_ has them.
void normal_lanes(const Draws& draws, LaneValues& values);

}  // namespace vicinity::kernels
