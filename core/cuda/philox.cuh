// Random numbers inside kernels: the words and normals of core/base/random.h and
// core/ops/random_fill.h.
#pragma once

#include "core/base/random.h"
#include "core/cuda/dev.h"

namespace vicinity::dev {

struct PhiloxKey {
  uint32_t at[2];
};
inline PhiloxKey philox_key_of(uint64_t seed, Purpose purpose) {
  const auto key = philox_key(seed, purpose);
  return {{key[0], key[1]}};
}

struct PhiloxBlock {
  uint32_t at[4];
};
/// philox4x32.
DEV_FN PhiloxBlock philox(PhiloxBlock c, PhiloxKey k) {
  DEV_UNROLL
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c.at[0], p1 = uint64_t{0xCD9E8D57} * c.at[2];
    c = {{static_cast<uint32_t>(p1 >> 32) ^ c.at[1] ^ k.at[0], static_cast<uint32_t>(p1),
          static_cast<uint32_t>(p0 >> 32) ^ c.at[3] ^ k.at[1], static_cast<uint32_t>(p0)}};
    k.at[0] += 0x9E3779B9;
    k.at[1] += 0xBB67AE85;
  }
  return c;
}

struct NormalPair {
  float at[2];
};
/// Two standard normals of two words: the first pair of a block's words makes numbers 4 b and
/// 4 b + 1 of a stream, the second pair the two after them. Box & Muller 1958.
DEV_FN NormalPair normals(uint32_t a, uint32_t b) {
  const float u = (static_cast<float>(a >> 9) + 0.5f) * 0x1p-23f;
  const float radius = sqrt(-2.0f * log(u));
  NormalPair turn;
  sin_cos_of_turns(static_cast<float>(b >> 8) * 0x1p-24f, turn.at[1], turn.at[0]);
  return {{radius * turn.at[0], radius * turn.at[1]}};
}

}  // namespace vicinity::dev
