#include <bit>
#include <numeric>

#include "tests/simt/emulator.h"

namespace vicinity::simt {

// Fragments as the PTX ISA lays them out (section "Matrix Fragments for mma.m16n8k16").
void mma_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file,
               int line) {
  const int lane = current_thread() % 32, group = lane / 4, quad = lane % 4;
  const LaneWords* lanes = warp_meet({a[0], a[1], a[2], a[3], b[0], b[1]}, "mma_16816", file, line);
  const auto half = [](uint32_t word, int which) {
    return std::bit_cast<float>(which == 0 ? word << 16 : word & 0xffff0000u);
  };
  float rows[2][16], columns[2][16];  // of a and of b: what this lane's sums are made of
  for (int k = 0; k < 16; ++k) {
    const int pair = k % 8 / 2, eight = k / 8;
    for (int i = 0; i < 2; ++i) {
      rows[i][k] = half(lanes[4 * group + pair][i + 2 * eight], k % 2);
      columns[i][k] = half(lanes[4 * (2 * quad + i) + pair][4 + eight], k % 2);
    }
  }
  for (int e = 0; e < 4; ++e) {
    d[e] += std::inner_product(rows[e / 2], rows[e / 2] + 16, columns[e % 2], 0.0f);
  }
}

}  // namespace vicinity::simt
