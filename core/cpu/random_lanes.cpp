#include "core/cpu/random_lanes.h"

#include "core/cpu/pointwise_math.h"

namespace vicinity::kernels {
namespace {

// In (0, 1), never an end: 23 bits and a half are exact in a float.
float open_unit(uint32_t word) { return (static_cast<float>(word >> 9) + 0.5f) * 0x1p-23f; }

// Words a, b -> two independent normals.
void normals(const uint32_t* a, const uint32_t* b, float* x, float* y) {
  for (int64_t k = 0; k < kLanes; ++k) {
    const float radius = std::sqrt(-2.0f * fast_log(open_unit(a[k])));
    const SinCos turn = sin_cos_of_turns(static_cast<float>(b[k] >> 8) * 0x1p-24f);
    x[k] = radius * turn.cos;
    y[k] = radius * turn.sin;
  }
}

}  // namespace

void draw_lanes(const RandomStream& stream, uint64_t first, Draws& c) {
  for (int64_t k = 0; k < kLanes; ++k) {
    const uint64_t block = first + static_cast<uint64_t>(k);
    c.word[0][k] = static_cast<uint32_t>(block);
    c.word[1][k] = static_cast<uint32_t>(stream.stream);
    c.word[2][k] = static_cast<uint32_t>(stream.stream >> 32);
    c.word[3][k] = static_cast<uint32_t>(block >> 32);
  }
  auto [key0, key1] = philox_key(stream.seed, stream.purpose);
  for (int round = 0; round < 10; ++round) {
    for (int64_t k = 0; k < kLanes; ++k) {
      const uint64_t p0 = uint64_t{0xD2511F53} * c.word[0][k];
      const uint64_t p1 = uint64_t{0xCD9E8D57} * c.word[2][k];
      c.word[0][k] = static_cast<uint32_t>(p1 >> 32) ^ c.word[1][k] ^ key0;
      c.word[1][k] = static_cast<uint32_t>(p1);
      c.word[2][k] = static_cast<uint32_t>(p0 >> 32) ^ c.word[3][k] ^ key1;
      c.word[3][k] = static_cast<uint32_t>(p0);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
}

void normal_lanes(const Draws& draws, LaneValues& values) {
  normals(draws.word[0], draws.word[1], values[0], values[1]);
  normals(draws.word[2], draws.word[3], values[2], values[3]);
}

}  // namespace vicinity::kernels
